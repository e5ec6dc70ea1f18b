"""What runs the convolutions of a network: PyTorch, or ONNX Runtime or OpenVINO on an exported copy."""
