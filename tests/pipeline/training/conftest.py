"""Digits to train on, and the model of them that ships."""

from calibration_configs import shipped
from mnist_fixtures import digits, drawn, mnist, one_torch_thread, small_mnist

__all__ = ["digits", "drawn", "mnist", "one_torch_thread", "shipped", "small_mnist"]
