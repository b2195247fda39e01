"""Elman: recurrent neural networks on PyTorch.

Every cell fast, any cell you can write, and one command from a file of sequences to a model that streams.
"""
