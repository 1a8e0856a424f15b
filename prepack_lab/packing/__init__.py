"""Lengths → bins, and bins → planned forward passes. Nothing here knows a model."""
