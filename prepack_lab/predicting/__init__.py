"""What it will cost and gain, told before anything is run."""
