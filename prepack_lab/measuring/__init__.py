"""Seconds and bytes: measured, predicted, recorded, and what the paper measured."""
