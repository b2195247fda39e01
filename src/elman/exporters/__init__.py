"""Exports: a trained network becomes files that others run, checked before they are kept.

``network`` says what a network consists of, ``rows`` reads a cell's step as operations on rows of numbers,
``onnx`` and ``c`` write both, each for its target, and ``export`` chooses.
"""
