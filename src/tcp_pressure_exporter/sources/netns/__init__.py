"""The network namespaces of a host: where they are, what they are called, how to enter them.

Here may live setns(2), /run/netns and /proc/PID/ns; which of them are sampled is decided elsewhere.
"""
