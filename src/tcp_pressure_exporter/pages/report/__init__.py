"""The report as text for a terminal, laid out by rich.

Tables, colours and widths may live here. Looking at the host is for daemon/.
"""
