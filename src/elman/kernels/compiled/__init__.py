"""The compiled CPU kernels of csrc/: their arguments, passes and entry points."""
