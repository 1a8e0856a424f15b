"""The models to experiment on: the embedded one, small ones with random weights, presets, and any of the hub."""
