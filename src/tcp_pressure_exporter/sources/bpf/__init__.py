"""What only the kernel itself can see or count, through BPF programs that never change it.

The programs (programs/) may live here, their loader (the C units) and the reader of each program's
results. To find out whether a program can be used, it is loaded and attached; the kernel's version
never decides. Nothing is pinned, so everything ends with the process.
"""
