"""What is not shown for want of rights, or of what the system tells."""

from collections.abc import Iterator

from structlog.typing import FilteringBoundLogger

from tcp_pressure_exporter.host_sampler import HostSampler


def left_out(sampler: HostSampler) -> Iterator[tuple[str, str]]:
    """Yield what is missing, and why."""
    if sampler.no_process_names:
        yield "process names", sampler.no_process_names
    yield from sampler.left_out.items()


def log_left_out(sampler: HostSampler, log: FilteringBoundLogger) -> None:
    """Say at the start what will be missing."""
    if sampler.no_netlink:
        log.warning("sockets are read through psutil", reason=sampler.no_netlink)
    if sampler.no_process_names:
        log.info("process names are off", reason=sampler.no_process_names)
    for collector, reason in sampler.left_out.items():
        log.info("collector is off", collector=collector, reason=reason)
