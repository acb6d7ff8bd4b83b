"""The status page and its JSON twin.

Here may live what places the verdict, the last hour and the exporter's own state on a page, and the
templates, which escape all they are given.
"""
