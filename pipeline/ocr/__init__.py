"""The text in the boxes of a run, read by an OCR engine."""
