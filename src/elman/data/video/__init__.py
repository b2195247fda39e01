"""Clips for models that predict frames: reading, cuts between scenes, windows of frames."""
