"""From a sample to metric families: one file for each subject, and a table of them.

Here may live names, help texts, labels and how rows are read from a sample. A calculation may not:
a number on the page is one that the sample has.
"""
