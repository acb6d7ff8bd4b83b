"""The documents that ship with the exporter, as HTML.

The code that turns Markdown into pages may live here, and the template. `shipped` is a link to the
repository's docs/; an installed package has the files themselves.
"""
