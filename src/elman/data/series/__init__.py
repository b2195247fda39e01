"""Panels of series: times, frequencies, covariates."""
