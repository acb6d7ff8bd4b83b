"""The network namespaces of a host: where they are, what they are called, how to enter them.

setns(2), /run/netns and /proc/PID/ns may live here; which namespaces are sampled is decided
elsewhere.
"""
