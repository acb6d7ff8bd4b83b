"""What is judged, in two tables: each kind of finite resource, and each finding beside its check.

Here may live thresholds, checks and their advice. Choosing what a page shows, and I/O, may not.
"""
