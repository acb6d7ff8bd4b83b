"""Prometheus exporter for the TCP resources of a host that run out unseen."""
