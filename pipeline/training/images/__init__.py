"""Trains any network on labelled pictures: labels are classes, without places."""
