"""What answers which path, with each page rendered once for everyone who asks for it.

Handlers, content negotiation and the renderer may live here; the content of pages is made
elsewhere.
"""
