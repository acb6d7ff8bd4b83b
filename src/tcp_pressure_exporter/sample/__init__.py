"""One finished sample, frozen: what each collector's part gave, and where the newest one is kept.

The types of a sample's parts may live here, and the arithmetic that builds them from facts unless
it is about pools. Asking a kernel, judging and wording may not.
"""
