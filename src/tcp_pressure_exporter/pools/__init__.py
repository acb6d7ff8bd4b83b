"""The arithmetic of ports: pools, groups, listing, forecast, and what a sample passes to the next.

Pure functions over facts may live here; the caller passes the time. I/O, clocks, severity
thresholds and text for people may not, and nothing is imported from sources/.
"""
