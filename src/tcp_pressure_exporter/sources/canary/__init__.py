"""The kernel's own port search, with the SYN put off and never sent.

Here may live what opens such sockets and reads their answers; which pools are worth asking about is
decided elsewhere.
"""
