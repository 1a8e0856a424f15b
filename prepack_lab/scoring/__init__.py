"""How likely does a model find what follows a prompt? Prefill and nothing else."""
