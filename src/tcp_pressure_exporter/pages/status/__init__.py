"""The status page in HTML.

Code that places the verdict, the last hour and the exporter's own state on a page may live here,
and the templates, which escape everything they are given. The page's JSON twin is in
pages/json_documents/.
"""
