"""Results for other programs: one module a format, over what `load` reads and `crops` cuts."""
