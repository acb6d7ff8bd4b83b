"""The loop that samples: when, which namespaces, and one part for each collector.

Code that calls the sources and passes their answers to the arithmetic may live here, and what is
kept from one sample to the next. Parsing, thresholds and wording may not.
"""
