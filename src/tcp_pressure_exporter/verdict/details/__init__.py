"""What is told of one thing alone: one port, one direction, one pool.

Here may live words for pages that show less than the whole verdict. What the verdict itself needs
may not: nothing in verdict/ outside of this folder imports it.
"""
