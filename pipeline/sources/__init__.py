"""Which pictures there are."""
