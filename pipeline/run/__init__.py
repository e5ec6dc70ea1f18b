"""Runs a config: the steps of a run, and their order."""
