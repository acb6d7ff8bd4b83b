"""What BPF programs count, by owner: active closes, and calls that find no port.

The choice of the owners to list may live here, with their counters, and what follows from the
counts: which pools refused a connection. Reading the kernel's rows may not.
"""
