"""From a sample to metric families: one file for each subject, and a table of them.

Names, help texts, labels and how rows are read from a sample may live here. Calculations may not:
every number on the page is in the sample.
"""
