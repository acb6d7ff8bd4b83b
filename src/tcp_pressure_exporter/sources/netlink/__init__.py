"""sock_diag: TCP sockets as the kernel dumps them.

Netlink's framing, its sockets, and the parsers of entries may live here; every length is checked
before it is used. Aggregation is in counting/.
"""
