"""Text files of /proc: read_x(root) reads, parse_x(text) parses.

Code that reads and parses them into facts may live here; absent is not broken, and neither is zero.
"""
