"""The sections of a config, and how a config is read."""
