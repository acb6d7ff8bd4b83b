"""Whatever asks a kernel: a folder for each way of asking, with answers as facts/ describes them.

Sockets, /proc files, system calls and the parsers of what they give may live here; each source can
say why it is missing. Pools, thresholds and wording may not: a source counts, it does not judge.
"""
