"""Sequences of float features or pictures, stored once and memory-mapped."""

from elman.data.features.store import Features, write_features

__all__ = ["Features", "write_features"]
