"""Fixtures of the tests that look at real sockets."""

import pytest

from tests.daemon.report.process import LOCAL, REMOTE
from tests.support.labs.lab import Lab
from tests.support.labs.network_namespace import add_address, set_sysctl


@pytest.fixture
def small_range(lab: Lab) -> Lab:
    """Give a hundred ports, and addresses other than loopback."""
    set_sysctl("ip_local_port_range", "40000 40099")
    add_address(f"{LOCAL}/32")
    add_address(f"{REMOTE}/32")
    return lab
