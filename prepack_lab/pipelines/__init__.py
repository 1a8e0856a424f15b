"""What users call: prompts → logits and caches, whole datasets, several devices, and tokens."""
