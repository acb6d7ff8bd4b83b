"""The kernel's table of connections, walked by a BPF program instead of dumped by netlink.

What asks the kernel, the two decoders of what programs/connections.bpf.c reports (the C units are
compiled into counting/_tally and feed its tally), and what checks that both sources agree may live
here. What a socket counts for is decided in counting/.
"""
