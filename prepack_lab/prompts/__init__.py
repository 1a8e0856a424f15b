"""Where prompts come from: texts, files, and recorded lengths of real workloads."""
