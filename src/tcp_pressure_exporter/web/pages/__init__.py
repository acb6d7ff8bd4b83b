"""Which path is answered by what, and each page rendered once for all who ask for it.

Here may live handlers, content negotiation and the renderer; what a page says is made elsewhere.
"""
