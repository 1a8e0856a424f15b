"""A file of prompts → a file of results: however long it takes, interrupted or not, on one device or many."""
