"""Anomaly detection from prediction errors: scores, thresholds and ranges."""
