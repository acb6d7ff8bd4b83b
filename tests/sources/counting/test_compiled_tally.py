"""The compiled parser on real sockets, without the GIL, and when the readable one replaces it.

Wherever counting.py counts, it asserts that both give the same from the same bytes.
"""

import os
import signal
import socket
import struct
import sys
import threading
import time
from dataclasses import replace

import pytest

from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.sources.counting import _tally
from tcp_pressure_exporter.sources.counting import compiled as compiled_tally
from tcp_pressure_exporter.sources.counting.parser import (
    best_parser,
    compiled_parser,
    readable_parser,
)
from tcp_pressure_exporter.sources.netlink.inet_diag import NOT_LISTENING, encode_request
from tcp_pressure_exporter.sources.netlink.socket import Dump
from tcp_pressure_exporter.sources.netlink.sockets import DiagSocket
from tests.sources.counting.counting import rules
from tests.support.labs.exporter_process import run_exporter
from tests.support.labs.lab import Lab, time_wait_here, time_wait_there
from tests.support.messages.datagrams import SEQUENCE


def test_same_result_on_real_sockets(lab: Lab) -> None:
    """In a quiet table both parsers drain the same aggregates from the kernel."""
    for remote in ("127.0.0.9", "::1"):
        for pair in [lab.connect(remote) for _ in range(20)][:10]:
            time_wait_here(pair)
        time_wait_there(lab.connect(remote))
    diag = DiagSocket()
    by = rules(usable=range(32768, 61000), served=[9000])
    parsers = [readable_parser(), compiled_parser()]
    tallies = [
        diag.ask(NOT_LISTENING, lambda dump, p=parser: p.tally(dump, by))  # type: ignore[misc]
        for parser in parsers
        if parser
    ]
    diag.close()
    assert len(tallies) == 2
    ages = [row.ages for tally in tallies for row in tally.outbound.rows.values()]
    assert sum(struct.unpack("61I", ages[0])) == 10
    # Each dump was taken at another time, but of the same entries.
    assert tallies[0].edge.cookies == tallies[1].edge.cookies
    one, other = (replace(tally, longest_left_ms=0) for tally in tallies)
    assert one == replace(other, edge=one.edge)


def test_the_compiled_parser_is_used() -> None:
    """If the extension was built, it is the one that samples."""
    assert best_parser().name == "compiled"


WITHOUT_EXTENSION = """
import sys
sys.modules["tcp_pressure_exporter.sources.counting._tally"] = None  # its import fails
from tcp_pressure_exporter.__main__ import main
sys.argv[1:] = ["--once"]
raise SystemExit(main())
"""


def test_without_the_extension() -> None:
    """If it was not built, the readable parser does the work and says so."""
    once = run_exporter(command=(sys.executable, "-c", WITHOUT_EXTENSION))
    assert once.returncode == 0, once.stderr
    assert 'tcp_pressure_build_info{parser="readable",' in once.stdout


def drain(kernel: socket.socket) -> None:
    """Drain a dump from a socket that stands for the kernel's."""
    compiled_tally.tally_dump(
        Dump("sock_diag dump", kernel, SEQUENCE, time.monotonic, lambda: 0), rules()
    )


def test_gil_and_signals(monkeypatch: pytest.MonkeyPatch) -> None:
    """While it waits for the kernel other threads run, and a signal's handler can end the wait."""
    monkeypatch.setattr(compiled_tally, "ANSWER_SECONDS", 30.0)
    ran_meanwhile = threading.Event()

    def interrupt() -> None:
        ran_meanwhile.set()  # needs the GIL
        os.kill(os.getpid(), signal.SIGINT)

    silent, _other = socket.socketpair()
    timer = threading.Timer(0.2, interrupt)
    timer.start()
    with silent, _other, pytest.raises(KeyboardInterrupt):
        drain(silent)
    timer.join()
    assert ran_meanwhile.is_set()


def test_silent_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel that does not answer in time is a SourceError."""
    monkeypatch.setattr(compiled_tally, "ANSWER_SECONDS", 0.05)
    silent, other = socket.socketpair()
    with silent, other, pytest.raises(SourceError, match="sock_diag dump: timed out"):
        drain(silent)


def test_endless_dump(monkeypatch: pytest.MonkeyPatch) -> None:
    """A dump that does not end in time is a SourceError."""
    monkeypatch.setattr(compiled_tally, "DUMP_SECONDS", 0.0)
    kernel, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    other.send(struct.pack("=IHHII", 16, 1, 0, SEQUENCE, 0))
    with kernel, other, pytest.raises(SourceError, match="not finished after 0 s"):
        drain(kernel)


def test_cut_datagram() -> None:
    """A datagram larger than the buffer is a SourceError, not a smaller one."""
    kernel, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    other.send(bytes(40_000))
    with kernel, other, pytest.raises(SourceError, match="a datagram of 40000 bytes was cut"):
        drain(kernel)


def test_error_of_the_socket() -> None:
    """An error from recv() reaches DiagSocket as an OSError."""
    with socket.socket() as unconnected, pytest.raises(OSError, match="not connected"):
        drain(unconnected)


def test_busy_kernel(lab: Lab) -> None:
    """A second request on a socket with a dump under way is refused: EBUSY, and a fresh socket."""
    for _ in range(400):
        lab.connect("127.0.0.9")
    diag = DiagSocket()

    def ask_twice(dump: Dump) -> None:
        with socket.socket(fileno=os.dup(dump.fileno())) as connection:
            connection.send(encode_request(NOT_LISTENING, 99))
            compiled_tally.tally_dump(
                Dump("sock_diag dump", connection, 99, time.monotonic, lambda: 0), rules()
            )

    with pytest.raises(SourceError, match="EBUSY"):
        diag.ask(NOT_LISTENING, ask_twice)


NO_ROWS = (0, 0, 0, b"", b"")


def test_wrong_arguments() -> None:
    """Port sets of another size than 65536 ports are refused before anything is read."""
    rows = (NO_ROWS, NO_ROWS, NO_ROWS, NO_ROWS)
    packed = ((b"", b"", b""), (b"", b""), (0, 0, 0, 0, 60_000, 60_000), (0, b""), rows)
    with pytest.raises(TypeError, match="8192 bytes"):
        _tally.tally_datagrams([], 7, (0.0, 0.0, 0), packed, (0, 0))
