"""From boxes to text: an OCR engine reads every box of a finished run."""
