"""The arithmetic of ports: pools, groups, listing, forecast, and what one sample hands to the next.

Here may live pure functions over facts, told the time by their caller. I/O, clocks, thresholds of
severity and words for people may not, and nothing of sources/ is imported.
"""
