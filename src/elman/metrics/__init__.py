"""Metrics as sums and counts, and the simple methods that a model is compared with."""
