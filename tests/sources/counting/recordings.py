"""The recorded dumps next to this file, and what other tools showed at the same moment."""

import struct
from functools import cache
from pathlib import Path
from typing import NamedTuple

RECORDED = Path(__file__).parent / "recorded"


class SsLine(NamedTuple):
    """One line of `ss -tanH`; an address is as `ss` writes it, without its brackets."""

    state: str
    local: str
    local_port: int
    remote: str
    remote_port: int  # 0 if there is no peer
    receive_queue: int
    send_queue: int


@cache
def recorded_datagrams(name: str) -> list[bytes]:
    """Return the datagrams of one recorded dump: "main", "bound" or "conntrack"."""
    data = (RECORDED / f"{name}.bin").read_bytes()
    datagrams, offset = [], 0
    while offset < len(data):
        (length,) = struct.unpack_from("<I", data, offset)
        datagrams.append(data[offset + 4 : offset + 4 + length])
        offset += 4 + length
    return datagrams


def conntrack_lines() -> list[str]:
    """Return what `conntrack -L --src-nat` printed."""
    return (RECORDED / "conntrack.txt").read_text().splitlines()


def proc_conntrack_lines() -> list[str]:
    """Return the lines of /proc/net/nf_conntrack."""
    return (RECORDED / "nf_conntrack.txt").read_text().splitlines(keepends=True)


@cache
def ss_lines() -> list[SsLine]:
    lines = []
    for line in (RECORDED / "ss.txt").read_text().splitlines():
        state, received, sent, local, remote = line.split()
        lines.append(SsLine(state, *_end(local), *_end(remote), int(received), int(sent)))
    return lines


def _end(text: str) -> tuple[str, int]:
    address, _colon, port = text.rpartition(":")
    return address.strip("[]").replace("*", "::"), 0 if port == "*" else int(port)
