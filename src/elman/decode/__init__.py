"""Decoding: from a step function to tokens."""
