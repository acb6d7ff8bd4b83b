"""Drives real port pools to exhaustion and judges forecasts of it: README.md."""
