"""Decoding: generates tokens from a step function."""
