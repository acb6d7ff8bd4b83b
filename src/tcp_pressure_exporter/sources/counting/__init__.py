"""From entries to counts: a library in C, and a readable one in Python as its oracle.

Code that counts sockets and translated connections by given rules may live here, without the GIL
where it is compiled. Where the bytes come from is for the other folders.
Of the C units, those in core/ only count, those in netlink/ receive dumps and decode them for the
core, and those next to this file talk to Python.
"""
