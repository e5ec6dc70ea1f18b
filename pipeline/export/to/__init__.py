"""One module per format; each has a `FORMAT`, see `format.Format`."""
