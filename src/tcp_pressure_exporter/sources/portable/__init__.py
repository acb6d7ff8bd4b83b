"""Systems without netlink: sockets through psutil, settings from the system itself.

One file for each system may live here; nothing of it is imported where netlink answers.
"""
