"""Shows a finished run in a browser."""
