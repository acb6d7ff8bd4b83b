"""sock_diag: TCP sockets as the kernel dumps them.

Here may live netlink's framing, its sockets, and the parsers of entries; every length is checked
before it is used. Aggregation is in counting/.
"""
