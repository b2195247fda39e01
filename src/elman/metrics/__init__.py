"""Metrics of predictions, texts and anomalies."""
