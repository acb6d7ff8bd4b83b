"""What is wrong, who causes it, how long there is, what to do: chosen and worded here, once.

Here may live the judgement of a sample and the words for it. Layout may not: pages/ has it.
"""
