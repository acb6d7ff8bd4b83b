"""The past: the last hour, and what has happened, in a bounded memory, never written to disk.

Code that folds one sample after another into a memory may live here, and the words for it. Clocks
may not: the time comes with the sample. Nothing in verdict/ outside this folder imports it.
"""
