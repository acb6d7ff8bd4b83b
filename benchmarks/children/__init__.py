"""Programs that take samples in processes of their own, some in environments of their own."""
