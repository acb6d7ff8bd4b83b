"""What users set: flags, the configuration files, and what is wrong with them, in one line.

Here may live parsing and validation, down to a frozen record. What the settings do may not:
sampling/, web/ and daemon/ are told.
"""
