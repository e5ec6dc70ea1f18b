"""Measures of localization quality."""
