"""One file for each collector's part of a sample.

Code may live here that asks the sources for one collector, and remembers what it needs from sample
to sample. A failure raises SourceError and affects only this part.
"""
