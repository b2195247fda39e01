"""The compiled CPU kernels of csrc/: what they take, their passes, and the ways in."""
