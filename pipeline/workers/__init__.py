"""The processes that do the work, and what travels between them."""
