"""Training: the loop, truncated backpropagation, optimizers and schedules, checkpoints, progress."""
