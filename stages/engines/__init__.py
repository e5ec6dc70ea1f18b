"""Engines that run a network: PyTorch, or ONNX Runtime or OpenVINO on an exported copy."""
