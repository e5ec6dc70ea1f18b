"""From a config to results: what a run does, in which order."""
