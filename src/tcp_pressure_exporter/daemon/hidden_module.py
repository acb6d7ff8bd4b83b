"""Imports as if a module was not installed."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def hidden_module(name: str) -> Iterator[None]:
    """Let `import NAME` fail inside the block; nothing changes for who has imported it before."""
    known = sys.modules.get(name)
    sys.modules[name] = None  # type: ignore[assignment]  # as importlib's reference has it
    try:
        yield
    finally:
        if known is None:
            del sys.modules[name]
        else:
            sys.modules[name] = known
