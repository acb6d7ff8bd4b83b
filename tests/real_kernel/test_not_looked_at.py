"""A look at a real host says what it does not reach."""

import socket
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from tcp_pressure_exporter.sampling.elsewhere import OwnNamespace
from tcp_pressure_exporter.sampling.host import open_host
from tcp_pressure_exporter.settings.config import Config
from tcp_pressure_exporter.sources.counting.parser import best_parser
from tcp_pressure_exporter.sources.owners import processes
from tests.daemon.report.process import look, report
from tests.support.labs.lab import Lab, open_lab
from tests.support.labs.network_namespace import set_sysctl
from tests.support.labs.other_namespaces import inside, ip_netns
from tests.support.sampled import wishes

PROC = Path("/proc")


@pytest.mark.usefixtures("netns")
def test_full_container() -> None:
    """A report next to a container that is out of ports says that it looked only at this host."""
    with ip_netns() as name, ExitStack() as stack:
        with inside(name):
            set_sysctl("ip_local_port_range", "50000 50019")
            lab = stack.enter_context(open_lab())
            assert lab.connect_until_full("127.0.0.9") == 20
        code, document = look()
        printed = report().stdout
    left_out = {one["feature"]: one["reason"] for one in document["left_out"]}
    left_out.pop("refused connections", "")  # if the kernel lets nobody count them
    assert (code, document["verdict"]) == (0, "calm")
    assert set(left_out) == {"other network namespaces"}
    number, _space, words = left_out["other network namespaces"].partition(" ")
    assert int(number) >= 2, "the container and the machine's own"
    assert words == "not looked at"
    assert printed.splitlines()[1].startswith("All is calm here: nothing is near its limit.")


def test_owner_behind_many_descriptors(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the search for owners ends before it has found one, the sample says so."""
    monkeypatch.setattr(processes, "MAX_FDS", 3)
    server = lab.listen("127.0.0.1", 9100)
    server.listen(4)
    host = open_host(wishes("listen_queues"), PROC, best_parser(), sys.platform)
    own = OwnNamespace(host, PROC)
    assert "process names" not in dict(own.take(Config()).left_out)
    for _ in range(3):
        lab.keep(socket.create_connection(("127.0.0.1", 9100)))
    reason = dict(own.take(Config()).left_out)["process names"]
    assert reason == "the search for owners stopped after 262,144 descriptors"
    host.own.close()
