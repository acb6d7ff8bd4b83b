"""The kernel's table of connections, walked by a BPF program instead of dumped by netlink.

Here may live the question, the two decoders of what programs/connections.bpf.c tells (the C units
are compiled into counting/_tally, whose tally they feed), and what makes sure that both sources
tell the same. What a socket counts for is the business of counting/.
"""
