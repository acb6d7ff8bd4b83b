"""A closer look at the few pools that may soon be full: what is asked about them, and where.

The choice of pools and ports to ask about may live here, and what the answers mean for their
numbers. Asking the questions is for sources/.
"""
