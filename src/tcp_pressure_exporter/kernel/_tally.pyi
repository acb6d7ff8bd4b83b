from collections.abc import Sequence
from typing import Any

def tally_socket(
    fd: int,
    sequence: int,
    seconds: tuple[float, float],
    rules: tuple[bytes, bytes, bytes, int, int, int, int],
    limits: tuple[int, int, int],
    /,
) -> tuple[Any, ...]: ...
def tally_datagrams(
    datagrams: Sequence[bytes],
    sequence: int,
    seconds: tuple[float, float],
    rules: tuple[bytes, bytes, bytes, int, int, int, int],
    limits: tuple[int, int, int],
    /,
) -> tuple[Any, ...]: ...
