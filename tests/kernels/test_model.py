"""The running kernel does what the exporter takes it to do, and numbers err as documented.

These tests run on every kernel in the matrix, and record what they saw.
"""

import errno
import os
import socket
import struct
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from tcp_pressure_exporter.facts.kernel import KernelModel
from tcp_pressure_exporter.facts.questions import Missing
from tcp_pressure_exporter.facts.sockets import TCP_TIME_WAIT
from tcp_pressure_exporter.facts.tally import TallyRules
from tcp_pressure_exporter.facts.time_wait import TimeWaitReuse
from tcp_pressure_exporter.sources.bpf.bind_hash import BindHash, open_bind_hash
from tcp_pressure_exporter.sources.bpf.port_failures import PortFailures, open_port_failures
from tcp_pressure_exporter.sources.counting.parser import best_parser
from tcp_pressure_exporter.sources.netlink.inet_diag import NOT_LISTENING
from tcp_pressure_exporter.sources.netlink.messages import NLMSG_DONE
from tcp_pressure_exporter.sources.netlink.socket import Dump
from tcp_pressure_exporter.sources.netlink.sockets import DiagSocket
from tcp_pressure_exporter.sources.systems.kernel import ask_kernel
from tests.support.labs.conntrack_listing import wait_for_states
from tests.support.labs.gateway_lab import ip, open_gateway_lab, snat
from tests.support.labs.lab import SERVER_PORT, Lab, Observer, time_wait_here
from tests.support.labs.network_namespace import (
    begin_a_second,
    has_sysctl,
    network_namespace,
    set_sysctl,
)

LOCAL, REMOTE, OTHER_REMOTE = "127.0.0.1", "127.0.0.9", "127.0.0.8"
PROCFS = Path("/proc")
Record = Callable[[str, object], None]


@pytest.fixture
def model(netns: None) -> KernelModel:  # noqa: ARG001 - it is asked in the test's own namespace
    diag = DiagSocket()
    try:
        return ask_kernel(PROCFS, diag)
    finally:
        diag.close()


def word(known: bool | None) -> str:  # noqa: FBT001 - it is what is worded
    return {True: "yes", False: "no", None: "not known"}[known]


def use_range(low: int, high: int) -> None:
    set_sysctl("ip_local_port_range", f"{low} {high}")
    set_sysctl("tcp_tw_reuse", 0)


def free(observer: Observer, remote: str = REMOTE) -> int:
    return observer.free("outbound", LOCAL, remote, str(SERVER_PORT))


def test_bound_only(
    model: KernelModel, lab: Lab, observer: Observer, record_property: Record
) -> None:
    """Ports of sockets that are only bound count, or are missing if they are not shown."""
    use_range(40000, 40019)
    for port in (40001, 40004, 40007):
        lab.bind("127.0.0.3", port)
    lab.connect(REMOTE)
    promised = free(observer)
    made = lab.connect_until_full(REMOTE)
    record_property("sockets that are bound only are shown", word(model.shows_bound_only))
    record_property("promised ÷ real connects beside 3 bound-only sockets", f"{promised} ÷ {made}")
    assert made == 16
    assert promised == (16 if model.shows_bound_only else 19)


def test_port_whose_binder_closed(
    model: KernelModel, lab: Lab, observer: Observer, record_property: Record
) -> None:
    """A port once bound stays hidden while any socket has it, or is free once its binder closes."""
    use_range(40000, 40039)
    for _ in range(10):
        client, _accepted = lab.connect(OTHER_REMOTE)
        with socket.socket() as binder:
            binder.bind(("127.0.0.5", client.getsockname()[1]))
    lab.connect(REMOTE)
    promised = free(observer)
    hidden = promised - lab.connect_until_full(REMOTE)
    record_property("ports of 10 that stay hidden when their binder has closed", hidden)
    assert promised == 39
    assert hidden in {0, 10}
    if model.frees_bound_ports is not None:
        assert hidden == (0 if model.frees_bound_ports else 10)


@pytest.mark.parametrize("step", [0, 3, 10])
def test_odd_range(lab: Lab, observer: Observer, record_property: Record, step: int) -> None:
    """In a range of 11 ports connect() finds 10 or 11; 10 are promised."""
    use_range(40000, 40010)
    if step and not has_sysctl("ip_local_port_step_width"):
        return  # this kernel's search has no other step
    if step:
        set_sysctl("ip_local_port_step_width", step)
    found = []
    for number in range(12):
        remote = f"127.0.1.{number + 1}"
        lab.connect(remote)
        assert free(observer, remote) == 9
        found.append(1 + lab.connect_until_full(remote))
    bound = [lab.bind_until_full(f"127.0.2.{n + 1}", [OTHER_REMOTE]) for n in range(12)]
    steps = f", steps of up to {step}" if step else ""
    record_property(f"binds in a range of 11 ports{steps}", f"{min(bound)} to {max(bound)}")
    record_property(f"connects in a range of 11 ports{steps}", f"{min(found)} to {max(found)}")
    assert set(found) <= {10, 11}


def connects(lab: Lab) -> bool:
    try:
        lab.connect(REMOTE)
    except OSError as error:
        if error.errno != errno.EADDRNOTAVAIL:
            raise
        return False
    return True


def test_second_of_reuse(model: KernelModel, lab: Lab, record_property: Record) -> None:
    """tcp_tw_reuse gives a port back after its delay, or in the next second if there is none."""
    use_range(40000, 40000)
    begin_a_second()
    time.sleep(0.5)
    time_wait_here(lab.connect(REMOTE))
    set_sysctl("tcp_tw_reuse", 1)
    at_once = connects(lab)
    begin_a_second()
    in_the_next = connects(lab)
    record_property(
        "tcp_tw_reuse gives back",
        "in the next second" if in_the_next else f"after {model.reuse_delay_ms} ms",
    )
    assert not at_once
    assert in_the_next == (model.reuse_delay_ms is None)


def test_single_ports(model: KernelModel, record_property: Record) -> None:
    """A kernel that can be asked about one port says whether bound ports are freed."""
    record_property("single ports can be asked about", word(model.asks_single_ports))
    record_property("a port is free when its binder closes", word(model.frees_bound_ports))
    assert (model.frees_bound_ports is not None) == model.asks_single_ports


def test_tick(model: KernelModel, record_property: Record) -> None:
    """The step of the timers is one of those that Linux is built with."""
    record_property("HZ", round(1000 / model.tick_ms))
    assert round(1000 / model.tick_ms) in {100, 250, 300, 1000}


def test_time_wait_length(model: KernelModel, record_property: Record) -> None:
    """TIME_WAIT lasts 60 s, and its timers expire in batches of 512 or 4096 ticks by HZ."""
    # kernel/time/timer.c: level 3 begins at 63 << 6 = 4,032 ticks, level 4 at 63 << 9 = 32,256.
    # 60 s are 6,000 ticks with HZ=100, 15,000 with 250, 18,000 with 300, 60,000 with 1000.
    assert model.time_wait_batch_ms is not None
    ticks = round(model.time_wait_batch_ms / model.tick_ms)
    record_property("milliseconds of a batch of TIME_WAIT", round(model.time_wait_batch_ms))
    assert model.time_wait_ms == 60_000
    assert ticks == {100: 512, 250: 512, 300: 512, 1000: 4096}[round(1000 / model.tick_ms)]


def test_step_width(model: KernelModel, record_property: Record) -> None:
    """The step of the port search is known if it can be set."""
    told = "absent" if model.step_width is None else model.step_width
    record_property("ip_local_port_step_width", told)
    assert has_sysctl("ip_local_port_step_width") == (model.step_width is not None)


def test_own_table(record_property: Record) -> None:
    """A namespace with its own table of connections is told from one without."""
    able = has_sysctl("tcp_child_ehash_entries")
    record_property("a namespace can have a table of its own", word(able))
    told = [_own_table(0)]
    if able:
        told.append(_own_table(1024))
    assert told == ([False, True] if able else [None])


def _own_table(entries: int) -> bool | None:
    with suppress(FileNotFoundError):
        set_sysctl("tcp_child_ehash_entries", entries)
    try:
        with network_namespace():
            diag = DiagSocket()
            own_table = ask_kernel(PROCFS, diag).own_table
            diag.close()
            return own_table
    finally:
        with suppress(FileNotFoundError):
            set_sysctl("tcp_child_ehash_entries", 0)


def test_closed_flows(model: KernelModel, record_property: Record) -> None:
    """Conntrack's TIME_WAIT gives way to a new connection that finds no port, or it does not."""
    with open_gateway_lab() as gateway:
        snat("masquerade to :40000-40003")
        for pair in [gateway.connect() for _ in range(4)]:
            time_wait_here(pair)
        wait_for_states({"TIME_WAIT": 4})
        # It does if the new connection's sequence number is ahead of its last: about half do.
        gives_way = any(gateway.attempt() is not None for _ in range(8))
    record_property("conntrack's TIME_WAIT gives way", word(gives_way))
    assert gives_way == model.ends_closed_flows


def test_vrf(lab: Lab, observer: Observer, record_property: Record) -> None:
    """Connections in a VRF have separate pools, with as many ports as are promised."""
    add = ["ip", "link", "add", "red", "type", "vrf", "table", "10"]
    refused = subprocess.run(add, capture_output=True, check=False).returncode
    record_property("VRF", word(not refused))
    if refused:
        return  # not built in, and there is no module
    use_range(40000, 40009)
    ip("link set red up\naddress add 10.20.0.1/32 dev red\n")
    listener = lab.keep(in_vrf())
    listener.bind(("10.20.0.1", SERVER_PORT))
    listener.listen(64)
    lab.connect(REMOTE)
    connections = [in_vrf() for _ in range(4)]
    for client in map(lab.keep, connections):
        client.connect(("10.20.0.1", SERVER_PORT))
    promised = observer.free("outbound", "10.20.0.1%red", "10.20.0.1", str(SERVER_PORT))
    assert promised == 6
    assert free(observer) == 9
    for _ in range(promised):
        lab.keep(in_vrf()).connect(("10.20.0.1", SERVER_PORT))
    with pytest.raises(OSError, match="Cannot assign"):
        lab.keep(in_vrf()).connect(("10.20.0.1", SERVER_PORT))
    assert lab.connect_until_full(REMOTE) == 9


def in_vrf() -> socket.socket:
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"red")
    return sock


def open_bind_failures() -> PortFailures | Missing:
    found = open_port_failures()
    if isinstance(found, Missing) or found.no_binds is None:
        return found
    found.close()
    return Missing(found.no_binds)


PROGRAMS: dict[str, Callable[[], BindHash | PortFailures | Missing]] = {
    "BPF reads the table of bound ports": open_bind_hash,
    "BPF counts failing connects, at a tracepoint": open_port_failures,
    "BPF counts failing binds, at the end of a function": open_bind_failures,
}


@pytest.mark.parametrize("what", PROGRAMS)
def test_programs(what: str, record_property: Record) -> None:
    """A BPF program loads and is attached, or the kernel's reason is known."""
    found = PROGRAMS[what]()
    if isinstance(found, Missing):
        assert found.reason
    else:
        found.close()
    # The reason is the object, the name of the error, and what that means.
    answer = f"no ({found.reason.split(': ')[1]})" if isinstance(found, Missing) else "yes"
    record_property(what, answer)


def test_speed(lab: Lab, record_property: Record) -> None:
    """What counting a dump costs compared with discarding it; emulated times mean no more."""
    diag, parser = DiagSocket(), best_parser()
    rules = TallyRules(0, 0, 0, TimeWaitReuse(everywhere=False, on_loopback=False))
    set_sysctl("tcp_tw_reuse", 0)
    empty = cpu_seconds(lambda: diag.ask(NOT_LISTENING, discard))
    for number in range(2000):
        time_wait_here(lab.connect(f"127.0.1.{number % 200 + 1}"))
    floor = cpu_seconds(lambda: diag.ask(NOT_LISTENING, discard))
    counting = cpu_seconds(lambda: diag.ask(NOT_LISTENING, lambda dump: parser.tally(dump, rules)))
    counted = diag.ask(NOT_LISTENING, lambda dump: parser.tally(dump, rules))
    diag.close()
    assert counted.states[True, TCP_TIME_WAIT] == 2000
    record_property(
        f"counting 2,000 sockets ÷ their dump, {parser.name}", f"{counting / floor:.1f}"
    )
    record_property("dump of 2,000 sockets ÷ dump of none", f"{floor / empty:.1f}")


def cpu_seconds(work: Callable[[], object]) -> float:
    """Return this thread's CPU time for one round, the mean of as many as fill 50 ticks.

    If the scheduler's emulated clock is not steady, CPU time comes in whole ticks.
    """
    start, rounds = time.thread_time(), 0
    while time.thread_time() - start < 0.2:
        work()
        rounds += 1
    return (time.thread_time() - start) / rounds


def discard(dump: Dump) -> None:
    """Receive a dump to its end, which is its last 20 bytes, and look at nothing else."""
    for content in dump.contents():
        length, kind = struct.unpack_from("=IH", content, len(content) - 20)
        if (length, kind) == (20, NLMSG_DONE):
            return


@pytest.mark.usefixtures("netns")
def test_without_rights(model: KernelModel) -> None:
    """A user without any privilege learns the same."""
    os.seteuid(65534)
    try:
        diag = DiagSocket()
        assert ask_kernel(PROCFS, diag) == model
        diag.close()
    finally:
        os.seteuid(0)
