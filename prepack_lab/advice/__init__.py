"""A file of prompts, a model and a machine → what to do, why, and the lines that do it."""
