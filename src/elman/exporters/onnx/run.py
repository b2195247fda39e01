"""Runs files in ONNX Runtime."""

from pathlib import Path

import onnxruntime

from elman.exporters.check import Run


def session(path: Path) -> Run:
    """Opens a file on one thread; returns a function from inputs to outputs by name."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    opened = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    names = [value.name for value in opened.get_outputs()]
    return lambda given: dict(zip(names, opened.run(None, dict(given)), strict=True))
