"""The command `report`: it looks at this host, and returns the verdict as its exit code.

Looking, and where the report goes, may live here. What it says is for verdict/, how it looks for
pages/.
"""
