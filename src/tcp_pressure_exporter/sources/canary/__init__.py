"""The kernel's own port search, with the SYN deferred and never sent.

Code that opens such sockets and reads their answers may live here; which pools are worth asking
about is decided elsewhere.
"""
