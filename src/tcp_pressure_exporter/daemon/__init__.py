"""The process: its command line, its wiring, its log, its signals, its supervisor.

Whatever ties the other rooms together may live here. Their rules may not: nothing imports this
room, so nobody would find them.
"""
