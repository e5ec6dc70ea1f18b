"""A finished run as pages for people to look at, in a browser."""
