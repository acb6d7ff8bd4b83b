"""The exporter's command: checks what the user gave, then runs the daemon."""

import ctypes
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def hidden_module(name: str) -> Iterator[None]:
    """Make `import NAME` fail inside the block; code that already imported it is unaffected."""
    known = sys.modules.get(name)
    sys.modules[name] = None  # type: ignore[assignment]  # as in importlib's reference
    try:
        yield
    finally:
        if known is None:
            del sys.modules[name]
        else:
            sys.modules[name] = known


# What structlog uses if it finds it. rich: 4 MB, for tracebacks that daemon/logs.py writes itself.
# greenlet: 1 MB, and no greenlet runs here.
with hidden_module("rich"), hidden_module("greenlet"):
    from structlog.typing import FilteringBoundLogger

    from tcp_pressure_exporter.daemon.app import App, Sampled
    from tcp_pressure_exporter.daemon.checking import check
    from tcp_pressure_exporter.daemon.collectors import COLLECTORS, wanted_parts
    from tcp_pressure_exporter.daemon.logs import LostLines, make_logger
    from tcp_pressure_exporter.daemon.textfile import new_or_absent
    from tcp_pressure_exporter.facts.outcome import SourceError
    from tcp_pressure_exporter.facts.system import LINUX
    from tcp_pressure_exporter.sampling.elsewhere import OwnNamespace
    from tcp_pressure_exporter.sampling.host import NETNS, Wishes, open_host
    from tcp_pressure_exporter.sampling.namespaces import NamespaceSamplers
    from tcp_pressure_exporter.settings.config import configured
    from tcp_pressure_exporter.settings.flags import VERSION, usage_error
    from tcp_pressure_exporter.settings.options import Options, parse_options
    from tcp_pressure_exporter.settings.reading import ConfigError
    from tcp_pressure_exporter.sources.bpf.loading import give_up_rights
    from tcp_pressure_exporter.sources.counting.parser import best_parser
    from tcp_pressure_exporter.web.listen import ListenError, open_listeners
    from tcp_pressure_exporter.web.pages.routes import check_telemetry_path
    from tcp_pressure_exporter.web.protection.allowed_hosts import AllowedHosts
    from tcp_pressure_exporter.web.protection.basic_auth import exit_beside_work


# <malloc.h> of glibc, and the value with which both thresholds begin there.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
THRESHOLD_BYTES = 131_072


def return_large_blocks() -> None:
    """Let the C library return large blocks of memory to the system when they are freed.

    A sample of many sockets fills megabytes for a moment. From the first such block that is freed
    on, glibc would keep those that follow (mallopt(3)). Other C libraries do not.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == LINUX else None
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, THRESHOLD_BYTES)
        mallopt(M_TRIM_THRESHOLD, THRESHOLD_BYTES)


def main(arguments: Sequence[str]) -> int:
    """Run the exporter with the arguments after the program's name; return its exit code."""
    descriptions = {name: entry.description for name, entry in COLLECTORS.items()}
    return run(parse_options(arguments, descriptions), VERSION)


def run(options: Options, running: str) -> int:
    """Run this version with the given options: print one sample, or serve until told to stop."""
    if options.once_file is None:
        return _run(options, running)
    with new_or_absent(options.once_file):
        return _run(options, running)


def _run(options: Options, running: str) -> int:
    return_large_blocks()
    lost = LostLines()
    log = make_logger(options.log_level, options.log_format, sys.stderr, lost)
    if options.check:
        return check(options, log)
    try:
        check_telemetry_path(options.telemetry_path)
    except ValueError as error:
        usage_error(f"--web.telemetry-path: {error}")
    try:
        AllowedHosts.parse(options.allowed_hosts)
    except ValueError as error:
        usage_error(f"--web.allowed-host: {error}")
    sampled = _sampling_or_exit(options, log)
    if kept := give_up_rights():
        log.warning("the privileges to load BPF programs are kept", reason=kept)
    app = App(options, sampled, running, log, lost)
    if options.once_file is not None:
        return _write_once(app, options.once_file, log)
    if options.once:
        return app.print_once()
    try:
        file = options.web_config_file
        web_config = app.web_config(file) if file else None
    except ConfigError as error:
        usage_error(f"--web.config.file: {error}")
    try:
        listeners = open_listeners(options.listen_addresses, systemd=options.systemd_socket)
    except ListenError as error:
        usage_error(f"--web.listen-address: {error}")
    app.serve(listeners, web_config)
    return exit_beside_work(0)


def _sampling_or_exit(options: Options, log: FilteringBoundLogger) -> Sampled:
    try:
        return _open_sampling(options, log)
    except ConfigError as error:
        usage_error(f"--config.file: {error}")
    except SourceError as error:
        usage_error(f"--sample.source: {error}")


def _open_sampling(options: Options, log: FilteringBoundLogger) -> Sampled:
    """Read the configuration file and ask the kernel what can be sampled.

    Raises ConfigError; SourceError if the required source of sockets is not available.
    """
    config = configured(options.config_file, options.pool_top)
    wishes = Wishes(
        options.netns,
        wanted_parts(options.collectors),
        others=options.others is not None,
        source=options.source,
    )
    host = open_host(wishes, options.procfs, best_parser(), sys.platform)
    if options.others is None or NETNS in host.left_out:
        return Sampled(host, config, OwnNamespace(host, options.procfs).take)
    return Sampled(host, config, NamespaceSamplers(host, options.others, options.procfs, log).take)


def _write_once(app: App, file: Path, log: FilteringBoundLogger) -> int:
    try:
        return app.write_once(file)
    except OSError as error:
        reason = error.strerror or str(error)
        log.error("sample not written", file=str(file), reason=reason)  # noqa: TRY400  # one line
        return 1
