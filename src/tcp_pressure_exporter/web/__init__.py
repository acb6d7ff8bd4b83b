"""HTTP: listeners, clients and their limits, TLS and passwords, and pages that others make.

Here may live what moves bytes and protects them. It imports no other room: what it serves is handed
to it as callables.
"""
