"""Digits to train on."""

from mnist_fixtures import digits, drawn, mnist, one_torch_thread, small_mnist

__all__ = ["digits", "drawn", "mnist", "one_torch_thread", "small_mnist"]
