"""Measures the exporter and its peers on real sockets: `make bench`, or see README.md."""
