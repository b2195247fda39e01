"""Forecasting models: direct, recursive, exponential smoothing with a network, and ensembles."""
