"""Translates a sample into metric families; one file per subject."""
