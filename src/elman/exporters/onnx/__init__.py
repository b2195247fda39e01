"""Networks as ONNX: graphs that are written node by node, with steps and rows left free."""
