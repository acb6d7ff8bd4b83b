"""What stands between the network and the pages: TLS, passwords, rate limit, security headers.

Here may live the checks that a request must pass; the file that configures them is read elsewhere.
"""
