"""Imports ONNX Runtime. It would report to Microsoft if it were not told before not to."""

import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import onnxruntime

__all__ = ["onnxruntime"]
