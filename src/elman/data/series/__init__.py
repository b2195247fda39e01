"""Panels of time series: times, frequencies, covariates."""
