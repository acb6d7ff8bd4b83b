"""Systems without netlink: sockets through psutil, settings from the system itself.

Here may live one file for each system; none of it is imported where netlink answers.
"""
