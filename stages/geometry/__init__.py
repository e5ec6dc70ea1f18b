"""Grids, outlines, rectangles and reading order."""
