"""Bins → packed rows → one forward pass → a cache for each prompt."""
