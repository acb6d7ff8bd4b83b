"""One file for each collector's part of a sample.

Here may live what asks the sources for one collector and remembers what it needs from sample to
sample. What fails raises SourceError and costs this part alone.
"""
