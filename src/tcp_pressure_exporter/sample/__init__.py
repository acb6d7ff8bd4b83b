"""One finished sample, frozen: what each collector's part gave, and the place of the newest one.

Here may live the types of a sample's parts and the arithmetic that makes them of facts where it is
not about pools. Asking a kernel, judging and wording may not.
"""
