"""Whatever asks a kernel: a folder for each way of asking, each answer as facts/ describes it.

Here may live sockets, files of /proc, system calls, and the parsers of what they give; each source
is able to say why it is missing. Pools, thresholds and words may not: a source counts, it does not
judge.
"""
