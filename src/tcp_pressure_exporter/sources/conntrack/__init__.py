"""The connections that this host translates as a NAT gateway.

Here may live the ways to conntrack's table, by netlink and as text; what a pool of them means may
not.
"""
