"""What runs, and what it has counted since it started."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tcp_pressure_exporter.facts.kernel import Identity, KernelModel
from tcp_pressure_exporter.facts.questions import ToldBy, by_netlink


@dataclass(frozen=True, slots=True)
class ExporterState:
    """What runs, and how often its configuration file was reread, successfully or not.

    parser: what counts the sockets, "compiled", "readable" or "portable". kernel: what the kernel
    was found to do, None where it was not asked. told_by: the source of the sockets. identity:
    where it runs, None where the system does not tell. The status page shows all of this and is
    rebuilt when any of it changes, so what changes with each request does not belong here.
    """

    version: str
    python: str
    parser: str
    reloads: int = 0
    failed_reloads: int = 0
    kernel: KernelModel | None = None
    told_by: ToldBy = field(default_factory=by_netlink)
    identity: Identity | None = None


@dataclass(frozen=True, slots=True)
class ExporterCounts:
    """How often things happened, for the metrics only.

    web_reloads: of the web configuration file; failed_web_reloads: because it was bad.
    failed_parts: parts of samples, each for one collector. lost_lines: of the log. responses: by
    class of status such as "2xx".
    """

    web_reloads: int = 0
    failed_web_reloads: int = 0
    failed_parts: int = 0
    failed_samples: int = 0
    lost_lines: int = 0
    responses: Mapping[str, int] = field(default_factory=dict)
    failed_accepts: int = 0
