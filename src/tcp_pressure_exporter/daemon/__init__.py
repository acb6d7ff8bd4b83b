"""The process: its command line, its wiring, its log, its signals, its supervisor.

Here may live whatever ties the other rooms together. A rule of theirs may not: nothing imports this
room, so nobody would find it.
"""
