"""What a kernel says of TCP: types, constants, and the protocols by which it is asked.

Here may live what has no opinion: frozen records, the kernel's numbers with their source, sets of
ports and addresses, and the one error of all sources. Nothing here does I/O or judges.
"""
