"""What is judged, in two tables: each kind of finite resource, and each finding with its check.

Thresholds, checks and their advice may live here. Choosing what a page shows, and I/O, may not.
"""
