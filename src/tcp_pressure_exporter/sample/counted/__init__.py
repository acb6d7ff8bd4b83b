"""What BPF programs count, by owner: active closes, and calls that find no port.

Here may live the choice of the owners that are listed, with their counters, and what comes of the
counts: which pools refused a connection. Reading the kernel's rows may not.
"""
