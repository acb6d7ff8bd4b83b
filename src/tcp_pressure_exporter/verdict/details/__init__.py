"""What to say about one thing alone: one port, one direction, one pool.

Words for pages that show less than the whole verdict may live here. What the verdict itself needs
may not: nothing in verdict/ outside this folder imports it.
"""
