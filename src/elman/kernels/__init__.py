"""Unrolls a stack of cells over time: a readable reference and faster backends."""
