"""Anomaly scores of prediction errors, thresholds and ranges."""
