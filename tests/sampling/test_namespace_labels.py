"""The labels of network namespaces, and the patterns that choose by them; on a real kernel."""

import os
import re
from pathlib import Path

from tcp_pressure_exporter.sample.namespaces import Census, NamespaceChoice
from tests.support.labs.cgroup_tree import cgroup_tree
from tests.support.labs.other_namespaces import OtherNamespaces
from tests.support.labs.watched_namespaces import watching

BUSY = 60
A = "0e768f8db752fcd648adb264498daa1d8f31562320e881d6a9ec593d24b1f779"
UID = "03f3f104-3215-44f2-9686-d4dd1f05a7ed"
POD = f"kubepods-burstable-pod{UID.replace('-', '_')}.slice"


def test_labels(others: OtherNamespaces, tmp_path: Path) -> None:
    """The label is the name, or the pod, or the container, or else the inode."""
    with cgroup_tree(tmp_path / "cgroups") as tree:
        for name in (f"docker-{A}.scope", POD, f"{POD}/crio-{A}.scope", "nginx.service"):
            tree.make(name)
        others.name("blue", BUSY)
        others.run(tree.root / f"docker-{A}.scope", BUSY)
        others.run(tree.root / POD / f"crio-{A}.scope", BUSY)
        service = others.run(tree.root / "nginx.service", BUSY)
        with watching(others) as watch:
            labels = set(watch.labels())
        others.close()  # before the cgroups are removed
    assert labels == {"blue", "0e768f8db752", UID, f"ns:{service.inode}"}


def test_hostile_names(others: OtherNamespaces) -> None:
    """Any name becomes a safe label, and none can pass for our own namespace or another."""
    for name in ("host", "a b", "a_b", 'x"}\n1', "y" * 200, os.fsdecode(b"\xff")):
        others.name(name, BUSY)
    with watching(others) as watch:
        labels = watch.labels()
        assert labels == watch.labels(), "labels are stable"
    assert len(labels) == 6
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+(:[0-9]+)?", label) for label in labels)
    assert "host" not in labels
    assert {"a_b", "x___1", "y" * 63, "_"} < set(labels)
    assert sum(label.startswith(("host:", "a_b:")) for label in labels) == 2


def test_label_is_stable(others: OtherNamespaces) -> None:
    """A namespace keeps its label while it is sampled, even if one with the same name is gone."""
    others.name("a b", BUSY + 1)
    second = others.name("a_b", BUSY)
    with watching(others) as watch:
        assert watch.labels() == ["a_b", f"a_b:{second.inode}"]
        others.forget("a b")
        assert watch.labels() == [f"a_b:{second.inode}"]


def test_include_and_exclude(others: OtherNamespaces) -> None:
    """Patterns match whole labels; busy but unwanted ones count as excluded.

    A namespace asked for by name is sampled however quiet it is.
    """
    for name in ("web", "web-1", "db"):
        others.name(name, BUSY)
    others.name("web-2")
    others.name("queue")
    choice = NamespaceChoice(re.compile("web.*"), re.compile("web"))
    with watching(others, choice) as watch:
        samples, census = watch.take()
    assert list(samples) == ["web-1", "web-2"]
    assert census == Census(sampled=2, excluded=2, quiet=1)


def test_patterns_see_the_name(others: OtherNamespaces) -> None:
    """Patterns do not see what tells two namespaces with the same name apart."""
    others.name("host", BUSY)
    with watching(others, NamespaceChoice(re.compile("host"))) as watch:
        for _ in range(2):
            samples, census = watch.take()
            assert [name.partition(":")[0] for name in samples] == ["host"]
            assert census == Census(sampled=1)
