"""Programs that take samples in separate processes, some in separate environments."""
