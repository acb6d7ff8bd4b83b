"""The report: one look at this host for a person at a terminal, or for a script."""
