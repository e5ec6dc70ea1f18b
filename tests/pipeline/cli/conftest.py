"""What commands work on: runs, ground truth, a small MNIST."""

from evaluation_fixtures import run, truth, write_boxes, write_truth
from mnist_fixtures import digits, mnist, small_mnist
from run_fixtures import boxes, finished, finished_once, make_run, sign, words

__all__ = [
    "boxes",
    "digits",
    "finished",
    "finished_once",
    "make_run",
    "mnist",
    "run",
    "sign",
    "small_mnist",
    "truth",
    "words",
    "write_boxes",
    "write_truth",
]
