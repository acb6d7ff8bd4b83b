"""The status page in HTML.

Here may live what places the verdict, the last hour and the exporter's own state on a page, and the
templates, which escape all they are given. The page's JSON twin is in pages/json_documents/.
"""
