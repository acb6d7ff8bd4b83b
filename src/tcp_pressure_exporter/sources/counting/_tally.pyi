from collections.abc import Sequence
from typing import Any, TypeAlias

RowRules: TypeAlias = tuple[int, int, int, bytes, bytes]
Rows: TypeAlias = tuple[RowRules, RowRules, RowRules, RowRules]
Reuse: TypeAlias = tuple[int, int, int, int, int, int]
Since: TypeAlias = tuple[int, bytes]
Rules: TypeAlias = tuple[tuple[bytes, bytes, bytes], tuple[bytes, bytes], Reuse, Since, Rows]

def tally_socket(
    fd: int,
    sequence: int,
    times: tuple[float, float, int],
    rules: Rules,
    limits: tuple[int, int],
    /,
) -> tuple[Any, ...]: ...
def tally_datagrams(
    datagrams: Sequence[tuple[int, bytes]],
    sequence: int,
    times: tuple[float, float, int],
    rules: Rules,
    limits: tuple[int, int],
    /,
) -> tuple[Any, ...]: ...
def tally_connections(
    walker: tuple[int, int, int],
    sequence: int,
    times: tuple[float, float, int],
    rules: Rules,
    limits: tuple[int, int],
    /,
) -> tuple[Any, ...]: ...
def collect_connections(
    walker: tuple[int, int, int], inodes: bytes, /
) -> list[tuple[int, list[tuple[int, int, bytes, bytes]]]]: ...
def tally_found(
    found: tuple[int, Sequence[tuple[int, int, bytes, bytes]]],
    sequence: int,
    times: tuple[float, float, int],
    rules: Rules,
    limits: tuple[int, int],
    /,
) -> tuple[Any, ...]: ...
def tally_nat_socket(
    fd: int,
    sequence: int,
    times: tuple[float, float],
    rows: RowRules,
    evicts: bool,
    translated: bool,
    clients_of: bytes,
    seed: int,
    /,
) -> tuple[Any, ...]: ...
def tally_nat_datagrams(
    datagrams: Sequence[tuple[int, bytes]],
    sequence: int,
    times: tuple[float, float],
    rows: RowRules,
    evicts: bool,
    translated: bool,
    clients_of: bytes,
    seed: int,
    /,
) -> tuple[Any, ...]: ...
def tally_bound_socket(
    fd: int,
    sequence: int,
    times: tuple[float, float],
    usable: bytes,
    watched: bytes,
    seed: int,
    /,
) -> tuple[Any, ...]: ...
def tally_bound_datagrams(
    datagrams: Sequence[tuple[int, bytes]],
    sequence: int,
    times: tuple[float, float],
    usable: bytes,
    watched: bytes,
    seed: int,
    /,
) -> tuple[Any, ...]: ...
