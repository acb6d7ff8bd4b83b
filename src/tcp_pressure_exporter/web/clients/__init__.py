"""One accept loop for each listener and one task for each client: parsing, deadlines, bytes.

What a client can do to the server may live here, and what bounds it.
"""
