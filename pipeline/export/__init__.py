"""Results for other programs: one module per format, over what `load` reads and `crops` cuts."""
