"""Which pod has an address, from what the container runtime keeps of its calls to CNI plugins.

Source: cachedInfo in libcni/api.go of containernetworking/cni; containerd and CRI-O keep it.
"""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from ipaddress import ip_interface
from itertools import islice
from pathlib import Path
from typing import Any

from tcp_pressure_exporter.facts.addresses import V4_MAPPED
from tcp_pressure_exporter.sources.owners.containers import LABEL, SUBDOMAIN, read_json
from tcp_pressure_exporter.sources.pacing import Remembered

RESULTS = Path("var/lib/cni/results")
NAMESPACE, POD = "K8S_POD_NAMESPACE", "K8S_POD_NAME"  # as runtimes pass them in CNI_ARGS
MAX_FILES = 1_024  # a node has a few hundred pods
MAX_BYTES = 65_536  # of a file, which has about three thousand
KNOWN_SECONDS = 30.0


class PodAddresses:
    """Knows the pods of this node by their addresses, as of at most half a minute ago.

    root: the folder below which the host's folders are.
    """

    def __init__(self, root: Path = Path("/"), clock: Callable[[], float] = time.monotonic) -> None:
        self._folder = root / RESULTS
        self._pods = Remembered(self._read, KNOWN_SECONDS, clock)

    def pod(self, address: bytes) -> str:
        """Return `namespace/pod` for an address (facts/addresses.py), "" if unknown."""
        return self._pods.get().get(address, "")

    def _read(self) -> Mapping[bytes, str]:
        return dict(
            named for file in _files(self._folder) for named in pod_of(read_json(file, MAX_BYTES))
        )


def pod_of(cached: Any) -> Iterator[tuple[bytes, str]]:
    """Yield the addresses of a pod, each with `namespace/pod`; nothing for any other document."""
    with suppress(KeyError, TypeError, ValueError):
        arguments = dict(cached["cniArgs"])
        namespace, pod = arguments[NAMESPACE], arguments[POD]
        if LABEL.fullmatch(namespace) and SUBDOMAIN.fullmatch(pod):
            for one in cached["result"]["ips"]:
                yield _packed(one["address"]), f"{namespace}/{pod}"


def _packed(address: str) -> bytes:
    found = ip_interface(address).ip.packed
    return found if len(found) == len(V4_MAPPED) + 4 else V4_MAPPED + found


def _files(folder: Path) -> list[Path]:
    """Return the files of a folder, oldest first, so newer ones replace a crash's leftovers."""
    with suppress(OSError), os.scandir(folder) as entries:
        dated = [(entry.stat().st_mtime, entry.path) for entry in islice(entries, MAX_FILES)]
        return [Path(path) for _time, path in sorted(dated)]
    return []
