"""The connections that this host translates as a NAT gateway.

The ways to read conntrack's table, by netlink and as text, may live here; what a pool of
connections means may not.
"""
