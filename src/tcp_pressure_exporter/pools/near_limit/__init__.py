"""A closer look at the few pools that may be full soon: what is asked about them, and of whom.

Here may live which pools and ports are asked about, and what the answers mean for their numbers.
The questions themselves are those of sources/.
"""
