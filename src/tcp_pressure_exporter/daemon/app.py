"""Wires up the parts: sampling on a thread, serving on the event loop, signals between them."""

import asyncio
import os
import platform
import socket
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

from prometheus_client import generate_latest
from structlog.typing import FilteringBoundLogger

from tcp_pressure_exporter.collectors.registry import (
    SampleCollector,
    build_file_registry,
    build_registry,
)
from tcp_pressure_exporter.daemon.collectors import all_families
from tcp_pressure_exporter.daemon.logs import LostLines
from tcp_pressure_exporter.daemon.protection import WebConfigWatch
from tcp_pressure_exporter.daemon.reloading import Reloader, Reloads
from tcp_pressure_exporter.daemon.signals import handled_signals
from tcp_pressure_exporter.daemon.systemd import ServiceManager
from tcp_pressure_exporter.daemon.textfile import replace_file
from tcp_pressure_exporter.pages.docs.source import DocumentSource
from tcp_pressure_exporter.pages.snapshot import Snapshot
from tcp_pressure_exporter.pages.status.source import StatusSource
from tcp_pressure_exporter.sample.exporter import ExporterCounts, ExporterState
from tcp_pressure_exporter.sample.latest import LatestSample
from tcp_pressure_exporter.sample.sample import Sample, Taken
from tcp_pressure_exporter.sampling.host import Host
from tcp_pressure_exporter.sampling.loop import (
    Clocks,
    Heartbeat,
    Pace,
    SamplingLoop,
    seconds_since_boot,
)
from tcp_pressure_exporter.settings.config import Config, configured
from tcp_pressure_exporter.settings.options import Options
from tcp_pressure_exporter.settings.shown import shown_settings
from tcp_pressure_exporter.sources.procfs.identity import read_identity
from tcp_pressure_exporter.verdict.assessment import assess
from tcp_pressure_exporter.verdict.headline import status_line
from tcp_pressure_exporter.verdict.past.history import RecentHour
from tcp_pressure_exporter.verdict.past.incidents import IncidentMemory
from tcp_pressure_exporter.verdict.past.looks import look_of
from tcp_pressure_exporter.web.accounting import HttpCounts
from tcp_pressure_exporter.web.clients.connection import Shared
from tcp_pressure_exporter.web.clients.server import Server
from tcp_pressure_exporter.web.listen import listener_url
from tcp_pressure_exporter.web.pages.documents import DOCUMENTS_PATH
from tcp_pressure_exporter.web.pages.routes import (
    HEALTHY_PATH,
    INCIDENTS_PATH,
    READY_PATH,
    STATUS_PATH,
    build_router,
)
from tcp_pressure_exporter.web.protection.allowed_hosts import AllowedHosts
from tcp_pressure_exporter.web.protection.protection import Protection

STOP_SIGNALS = ("SIGTERM", "SIGINT", "SIGBREAK")  # the last is Ctrl-Break on Windows
SAMPLER_STOP_SECONDS = 0.5  # a sample under way is not worth a longer wait


class Sampled(NamedTuple):
    """What is sampled, and how: `take` returns a sample of all wanted and permitted namespaces."""

    host: Host
    config: Config
    take: Callable[[Config], Taken]


class App:
    """The exporter: everything that lives as long as the process."""

    def __init__(
        self,
        options: Options,
        sampled: Sampled,
        running: str,
        log: FilteringBoundLogger,
        lost: LostLines,
    ) -> None:
        self._options = options
        self._host = sampled.host
        self._log = log
        self._lost = lost
        self._latest = LatestSample(seconds_since_boot)
        self._hour = RecentHour()
        self._incidents = IncidentMemory()  # replaced as a whole, by the sampling thread
        self._told_by = self._host.told_by()
        self._http = HttpCounts()
        self._manager = ServiceManager(os.environ, os.getpid())
        self._loop = SamplingLoop(
            sampled.take,
            self._publish,
            Pace(options.interval, options.max_cpu),
            sampled.config,
            log,
            Clocks(paid=lambda: self._host.spending.seconds),
        )
        self._reloader = Reloader(self._read_again, self._use_config, options.config_file, log)
        self._web_reloads = Reloads()
        self._running = ExporterState(
            running,
            platform.python_version(),
            self._host.counted_by,
            kernel=self._host.kernel,
            identity=read_identity(options.procfs),
        )
        self._collector = SampleCollector(
            self._latest.newest, self._state, self._counts, all_families()
        )
        self._registry = build_registry(self._collector)

    def print_once(self) -> int:
        """Take one sample and print it; return the exit code: 1 if a collector failed."""
        code = self._sample_once()
        sys.stdout.buffer.write(generate_latest(self._registry))  # UTF-8 with \n on any system
        sys.stdout.flush()
        return code

    def write_once(self, file: Path) -> int:
        """Take one sample and write it to the file; return the exit code as `print_once` does.

        Raises OSError if the file cannot be written.
        """
        code = self._sample_once()
        replace_file(file, generate_latest(build_file_registry(self._collector)))
        return code

    def _sample_once(self) -> int:
        self._log_host()
        sample = self._loop.sample()
        self._log_source()
        self._latest.publish(sample)
        return int(any(o.error for ns in sample.namespaces for _, o in ns.outcomes()))

    def _log_host(self) -> None:
        if self._host.kernel:
            self._log.debug("kernel model", **self._host.kernel._asdict())
        self._host.log_missing(self._log)

    def web_config(self, path: Path) -> WebConfigWatch:
        """Read the web configuration file; raises ConfigError. Its reloads are counted."""
        return WebConfigWatch(path, self._log, count_reload=self._count_web_reload).read()

    def serve(self, listeners: Sequence[socket.socket], web_config: WebConfigWatch | None) -> None:
        """Sample and serve until SIGTERM or SIGINT."""
        self._log_host()
        stop = threading.Event()
        heartbeat = Heartbeat(self._manager.heartbeat_seconds, self._manager.alive)
        sampling = threading.Thread(
            target=self._loop.run, args=(stop, heartbeat), name="sampling", daemon=True
        )
        self._reloader.start()
        try:
            # The default loop on Linux; the one on Windows cannot wait for sockets.
            with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
                runner.run(self._serve(listeners, web_config, sampling))
        finally:
            stop.set()
            if sampling.ident:
                sampling.join(SAMPLER_STOP_SECONDS)

    async def _serve(
        self,
        listeners: Sequence[socket.socket],
        web_config: WebConfigWatch | None,
        sampling: threading.Thread,
    ) -> None:
        stop = asyncio.Event()
        callbacks = dict.fromkeys(STOP_SIGNALS, partial(self._begin_to_stop, stop))
        with handled_signals(
            asyncio.get_running_loop(), callbacks | {"SIGHUP": self._reloader.ask}
        ):
            # Not earlier: the first sample says "ready", and a reload may follow immediately.
            sampling.start()
            await self._answer(listeners, web_config, stop)

    async def _answer(
        self,
        listeners: Sequence[socket.socket],
        web_config: WebConfigWatch | None,
        stop: asyncio.Event,
    ) -> None:
        status = self._status()
        router = build_router(
            telemetry_path=self._options.telemetry_path,
            registry=self._registry,
            unready=self._latest.unready,
            status=status,
            documents=DocumentSource(status.styles, status.icon),
            max_requests=self._options.max_requests,
            log=self._log,
        )
        protection = web_config.current if web_config else Protection
        scheme = "https" if protection().tls else "http"
        for listener in listeners:
            self._log.info(
                "serving metrics",
                url=listener_url(scheme, listener, self._options.telemetry_path),
                parser=self._running.parser,
                source=self._host.told_by().source,
            )
        shared = Shared(
            router,
            self._log,
            protection=protection,
            allowed_hosts=AllowedHosts.parse(self._options.allowed_hosts),
            counts=self._http,
        )
        await Server(listeners, shared).run(stop)
        self._log.info("stopped")

    def _count_web_reload(self, good: bool) -> None:  # noqa: FBT001  # it is what is counted
        before = self._web_reloads
        self._web_reloads = Reloads(before.good + good, before.bad + (not good))

    def _log_source(self) -> None:
        """Say when sockets are read from another source than before."""
        told_by = self._host.told_by()
        if told_by != self._told_by:
            self._told_by = told_by
            self._log.warning("sockets are read from another source", **told_by.logged())

    def _publish(self, sample: Sample) -> None:
        self._log_source()
        self._latest.publish(sample)
        found = [assess(namespace) for namespace in sample.namespaces]
        self._hour.record(sample, found)
        self._incidents = self._incidents.after(look_of(sample, found))
        self._manager.sampled(status_line(sample))

    def _status(self) -> StatusSource:
        links = {
            "metrics": self._options.telemetry_path,
            "json": STATUS_PATH,
            "incidents": INCIDENTS_PATH,
            "documents": f"{DOCUMENTS_PATH}/",
            "healthy": HEALTHY_PATH,
            "ready": READY_PATH,
        }
        return StatusSource(self._snapshot, links)

    def _snapshot(self) -> Snapshot:
        sample, current = self._latest.with_age()
        return Snapshot(
            host=socket.gethostname(),
            sample=sample,
            current=current,
            line=self._hour.line,
            exporter=self._state(),
            settings=shown_settings(self._options, self._loop.config),
            left_out=tuple(self._host.missing()),
            runbook_url=self._loop.config.runbook_url,
            incidents=self._incidents,
        )

    def _begin_to_stop(self, stop: asyncio.Event) -> None:
        stop.set()
        self._manager.stopping()

    def _read_again(self) -> Config:
        self._manager.reloading()
        try:
            return configured(self._options.config_file, self._options.pool_top)
        finally:
            self._manager.reloaded()

    def _use_config(self, config: Config) -> None:
        self._loop.config = config

    def _state(self) -> ExporterState:
        """Return what is running, with the reloads so far."""
        reloads = self._reloader.reloads
        return replace(
            self._running,
            reloads=reloads.good,
            failed_reloads=reloads.bad,
            told_by=self._host.told_by(),
        )

    def _counts(self) -> ExporterCounts:
        """Return what the threads, the server and the log have counted."""
        failures, web_reloads = self._loop.failures, self._web_reloads
        return ExporterCounts(
            web_reloads=web_reloads.good,
            failed_web_reloads=web_reloads.bad,
            failed_parts=failures.parts,
            failed_samples=failures.samples,
            lost_lines=self._lost.count,
            responses=dict(self._http.responses),
            failed_accepts=self._http.accept_failures,
        )
