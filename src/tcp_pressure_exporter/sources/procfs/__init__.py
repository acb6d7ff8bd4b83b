"""Text files of /proc: read_x(root) reads, parse_x(text) parses.

Here may live what reads and parses them into facts; absent is not broken, and neither is zero.
"""
