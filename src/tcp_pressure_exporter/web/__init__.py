"""HTTP: listeners, clients and their limits, TLS and passwords, and pages made elsewhere.

Code that moves bytes and protects them may live here. It imports no other room: what it serves is
passed to it as callables.
"""
