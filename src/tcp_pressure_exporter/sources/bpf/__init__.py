"""What only the kernel itself can look at, or count: by BPF programs that read and never write.

Here may live the programs (programs/), their loader (the C units) and a file for each of them that
reads what it found. Whether a program can be used is found out by loading and attaching it, never
by the kernel's version; nothing is pinned, so that all of it ends with the process.
"""
