"""One accept loop for each listener and one task for each client: parsing, deadlines, bytes.

Here may live what a client can do to the server, and what bounds it.
"""
