"""For each system, which sources serve it: by composition, never by inheritance.

The choice of sources, and why one is missing, may live here. What a source does is in its own
folder.
"""
