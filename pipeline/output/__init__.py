"""Writes the results of a run, and reads them back."""
