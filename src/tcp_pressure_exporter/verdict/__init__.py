"""What is wrong, who causes it, how much time is left, what to do: chosen and worded here, once.

The judgement of a sample and the words for it may live here. Layout may not: it is in pages/.
"""
