"""Simple methods as baselines for models."""
