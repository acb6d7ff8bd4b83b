from collections.abc import Sequence
from typing import Any

def tally_socket(
    fd: int,
    sequence: int,
    times: tuple[float, float, int],
    rules: tuple[bytes, bytes, bytes, int, int, int, int, int, bytes, bytes, bytes],
    limits: tuple[int, int, int],
    /,
) -> tuple[Any, ...]: ...
def tally_datagrams(
    datagrams: Sequence[tuple[int, bytes]],
    sequence: int,
    times: tuple[float, float, int],
    rules: tuple[bytes, bytes, bytes, int, int, int, int, int, bytes, bytes, bytes],
    limits: tuple[int, int, int],
    /,
) -> tuple[Any, ...]: ...
