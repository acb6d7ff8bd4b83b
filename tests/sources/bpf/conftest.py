"""The programs under test, attached."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from tcp_pressure_exporter.facts.questions import Missing
from tcp_pressure_exporter.sources.bpf.active_closes import ActiveCloses, open_active_closes
from tests.support.labs.closers_lab import keep_time_wait
from tests.support.labs.lab import Lab
from tests.support.labs.network_namespace import set_sysctl


@pytest.fixture
def active_closes(lab: Lab) -> Iterator[ActiveCloses]:  # noqa: ARG001 - in the lab's namespace
    """Count active closes, starting before the first connection of the lab's namespace."""
    set_sysctl("tcp_tw_reuse", 0)
    keep_time_wait()
    found = open_active_closes()
    assert not isinstance(found, Missing), found.reason
    with closing(found):
        yield found
