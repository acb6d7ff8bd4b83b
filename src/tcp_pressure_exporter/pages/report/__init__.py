"""The report as text for a terminal: layout by rich.

Here may live tables, colours and widths. Looking at the host is daemon/'s business.
"""
