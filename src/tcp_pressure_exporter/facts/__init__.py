"""What a kernel says about TCP: types, constants, and the protocols for asking it.

What may live here has no opinion: frozen records, the kernel's numbers with their source, sets of
ports and addresses, and the one error that all sources raise. Nothing here does I/O or judges.
"""
