"""The command `report`: it looks at this host, and tells the verdict as its exit code.

Here may live what looks and where the report goes. What it says is verdict/'s, how it looks
pages/'s.
"""
