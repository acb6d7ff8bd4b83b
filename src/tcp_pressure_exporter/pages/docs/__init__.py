"""The documents that ship with the exporter, as HTML.

Here may live what makes pages of Markdown, and the template. `shipped` is a link to docs/ of the
repository; an installed package has the files themselves.
"""
