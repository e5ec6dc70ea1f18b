"""ONNX Runtime, which reports to Microsoft unless it is told not to before its first import."""

import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import onnxruntime

__all__ = ["onnxruntime"]
