"""Where prompts come from: files of them, and recorded lengths of real workloads."""
