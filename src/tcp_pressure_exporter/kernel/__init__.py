"""Asks the kernel and decodes its answers; knows nothing of pools, metrics or HTTP."""
