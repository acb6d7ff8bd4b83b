"""From entries to counts: one library in C, and a readable Python one that is its oracle.

Here may live what counts sockets and translated connections under given rules, without the GIL
where it is compiled. Where the bytes come from is the other folders' business.
Of the C units, those in core/ count and know no more, those in netlink/ receive dumps and decode
them for the core, and those beside this file speak to Python.
"""
