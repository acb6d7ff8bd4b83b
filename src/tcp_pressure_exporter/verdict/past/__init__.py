"""What was: the last hour, and what has happened, in a bounded memory that is written nowhere.

Here may live what folds one sample after the other into a memory, and the words for it. Clocks may
not: the time comes with the sample. Nothing in verdict/ outside of this folder imports it.
"""
