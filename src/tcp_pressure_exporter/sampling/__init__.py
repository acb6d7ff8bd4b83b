"""The loop that samples: when, which namespaces, and one part for each collector.

Here may live what calls the sources and hands their answers to the arithmetic, and what is kept
from one sample to the next. Parsing, thresholds and words may not.
"""
