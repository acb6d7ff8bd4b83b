"""Fixtures that several test folders share."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.support.bpf_tests import BpfTests
from tests.support.labs.lab import Lab, Observer, open_lab, open_observer, open_walking_observer
from tests.support.labs.network_namespace import network_namespace
from tests.support.labs.other_namespaces import OtherNamespaces, other_namespaces
from tests.support.places import ROOT
from tests.support.time_limit import TimeLimits
from tests.support.turns import Turns

STDERR = 2  # not yet captured when it is used

# A loaded machine must not fail a property test: none of them is about time.
settings.register_profile("untimed", deadline=None)
settings.register_profile("long", deadline=None, max_examples=2_000)  # make fuzz
settings.load_profile("untimed")


def pytest_configure(config: pytest.Config) -> None:
    """Let no test run forever, nor next to one that must run alone, nor ignore Ctrl-C."""
    config.pluginmanager.register(TimeLimits(os.dup(STDERR)))
    config.pluginmanager.register(BpfTests(os.environ))
    if hasattr(config, "workerinput"):
        config.pluginmanager.register(Turns(ROOT, ROOT / "tests"))
    # A script's background job ignores SIGINT, and so do the processes that it starts.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def netns() -> Iterator[None]:
    """Run the test in its own network namespace."""
    with network_namespace():
        yield


@pytest.fixture
def lab(netns: None) -> Iterator[Lab]:  # noqa: ARG001 - the namespace comes first
    """Real sockets in the test's own namespace."""
    with open_lab() as lab:
        yield lab


@pytest.fixture(params=["netlink", pytest.param("bpf", marks=pytest.mark.bpf("connections"))])
def observer(
    lab: Lab,  # noqa: ARG001 - it observes the lab's namespace
    request: pytest.FixtureRequest,
) -> Iterator[Observer]:
    """Observe the same namespace with the sampler under test, by each source of sockets."""
    opened = open_observer() if request.param == "netlink" else open_walking_observer()
    with opened as observer:
        yield observer


@pytest.fixture
def others(tmp_path: Path) -> Iterator[OtherNamespaces]:
    """Make network namespaces in addition to the test's own."""
    with other_namespaces(tmp_path) as others:
        yield others
