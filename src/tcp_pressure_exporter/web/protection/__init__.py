"""What stands between the network and the pages: TLS, passwords, rate limit, security headers.

The checks that a request must pass may live here; the file that configures them is read elsewhere.
"""
