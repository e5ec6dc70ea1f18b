"""Finds the pictures of a source."""
