"""Training, weighing and calibrating models."""
