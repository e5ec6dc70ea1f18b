"""What runs the convolutions of a network: PyTorch, or ONNX Runtime on an exported copy."""
