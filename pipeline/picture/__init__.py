"""One picture file, from its bytes to its results on disk."""
