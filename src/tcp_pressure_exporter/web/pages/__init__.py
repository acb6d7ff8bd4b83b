"""Which path is answered by what, and the cache of what was rendered.

Here may live handlers and content negotiation; what a page says is made elsewhere.
"""
