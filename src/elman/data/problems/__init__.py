"""Synthetic problems that measure memory."""
