"""Drives real port pools to exhaustion and judges forecasts by it: README.md."""
