"""What users set: flags, the configuration files, and what is wrong with them, in one line.

Parsing and validation into frozen records may live here. What the settings do may not: that is for
sampling/, web/ and daemon/.
"""
