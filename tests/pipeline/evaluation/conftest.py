"""Box files and ground truth on disk."""

from evaluation_fixtures import run, truth, write_boxes, write_truth

__all__ = ["run", "truth", "write_boxes", "write_truth"]
