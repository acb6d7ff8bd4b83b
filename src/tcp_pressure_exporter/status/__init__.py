"""The status page and its JSON twin: what the newest sample means, for people without Grafana."""
