"""Metrics as sums and counts."""
