"""The command `report`: looks once or repeatedly, and returns the verdict as its exit code."""

import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial

from tcp_pressure_exporter.daemon.collectors import COLLECTORS
from tcp_pressure_exporter.daemon.report.asking import Asking
from tcp_pressure_exporter.daemon.report.observer import (
    Observer,
    Sign,
    look_again_and_again,
    look_closely,
)
from tcp_pressure_exporter.daemon.report.plugin import NAGIOS, misuse, without_surprise
from tcp_pressure_exporter.daemon.report.port import show_port
from tcp_pressure_exporter.daemon.report.terminal import (
    charset_of,
    is_screen,
    open_console,
    presentation,
    sign_of_life,
)
from tcp_pressure_exporter.daemon.report.watching import watch
from tcp_pressure_exporter.escaping import escape_controls
from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.findings.kinds import Severity
from tcp_pressure_exporter.pages.report.report import report
from tcp_pressure_exporter.pages.report.screen import Screen
from tcp_pressure_exporter.pages.snapshot import Observation
from tcp_pressure_exporter.pools.remedies import Remedy
from tcp_pressure_exporter.sample.sample import ACTIVE_CLOSES, NAT_POOLS, PORT_FAILURES
from tcp_pressure_exporter.sampling.elsewhere import OwnNamespace
from tcp_pressure_exporter.sampling.host import Wishes, open_host
from tcp_pressure_exporter.settings.config import Config, configured
from tcp_pressure_exporter.settings.flags import PROGRAM, Refuse, usage_error
from tcp_pressure_exporter.settings.options import ReportOptions, parse_report_options
from tcp_pressure_exporter.settings.reading import ConfigError
from tcp_pressure_exporter.sources.counting.parser import best_parser
from tcp_pressure_exporter.sources.procfs.identity import read_identity

# Names of collectors, for people.
NAMES = {
    NAT_POOLS.name: "NAT pools",
    PORT_FAILURES.name: "refused connections",
    ACTIVE_CLOSES.name: "who closes first",
}
NETNS = "host"
CALM = int(Severity.CALM)
NO_VERDICT = 3
INTERRUPTED = 128 + signal.SIGINT


def main(argv: Sequence[str]) -> int:
    """Run the command with the arguments after `report`; return its exit code.

    That is the severity in the last look, or NO_VERDICT if the pools could not be read and the rest
    is calm, or if nothing could be printed. With --port it is 0 if the holders of the port are
    known, otherwise NO_VERDICT; with --nagios, misuse leads to NO_VERDICT too.
    """
    plugin = NAGIOS in argv
    refuse = misuse if plugin else usage_error
    options = parse_report_options(argv, refuse)
    if options.port is not None:
        return tell_port(options.port, options)
    config = read_config(options, refuse)
    return without_surprise(partial(run, options, config)) if plugin else run(options, config)


def run(options: ReportOptions, config: Config) -> int:
    """Look and show the result, once or until Ctrl-C; return the exit code."""
    observer = build_observer(options, config)
    console = open_console(sys.stdout)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the terminal must be restored
    code = INTERRUPTED
    if options.watch is not None and is_screen(console, options):
        screen = Screen(console, charset_of(sys.stdout), options.watch)
        return watch_on_screen(observer, screen, options.remedies)
    try:
        with presentation(options, sys.stdout) as show:
            for seen in looks(observer, options):
                code = exit_code(seen)
                try:
                    show(seen)
                except OSError as error:
                    return _without_stdout(error, code)
    except KeyboardInterrupt:
        pass  # Ctrl-C is how --watch ends
    return code


def watch_on_screen(observer: Observer, screen: Screen, remedies: tuple[Remedy, ...]) -> int:
    """Look repeatedly until q or Ctrl-C, then print the last look in full; return its code."""
    code, last = INTERRUPTED, None
    charset = charset_of(sys.stdout)
    try:
        with suppress(KeyboardInterrupt):
            for last in watch(observer, the_sign(), screen, sys.stdin):
                code = exit_code(last)
        if last:
            whole = report(replace(last, remedies=remedies), charset, screen.console.width)
            screen.console.print(whole)
    except OSError as error:
        return _without_stdout(error, code)
    return code


def tell_port(port: int, options: ReportOptions) -> int:
    """Print who holds a port; return the exit code."""
    try:
        show_port(port, options, sys.stdout)
    except OSError as error:
        return _without_stdout(error, CALM)
    except SourceError as error:
        return _no_verdict(str(error))
    return CALM


def looks(observer: Observer, options: ReportOptions) -> Iterator[Observation]:
    """Yield one look, or look forever."""
    if options.watch is None:
        yield replace(look_once(observer, options), remedies=options.remedies)
        return
    for seen in look_again_and_again(observer, the_sign(), options.watch):
        yield replace(seen, remedies=options.remedies)


def look_once(observer: Observer, options: ReportOptions) -> Observation:
    """Look closely, and add what the exporter on this host remembers, asking it meanwhile."""
    exporter, here = options.exporter, read_identity(options.procfs)
    # If nothing can show that an answer is about this host, as on other systems, do not ask.
    if exporter is None or (here is None and not options.exporter_named):
        return look_closely(observer, the_sign())
    asking = Asking(exporter, here, expected=options.exporter_named)
    return asking.added_to(look_closely(observer, the_sign()))


def the_sign() -> Sign:
    """Return what shows that work is under way."""
    return partial(sign_of_life, open_console(sys.stderr), charset_of(sys.stderr))


def build_observer(options: ReportOptions, config: Config) -> Observer:
    """Return the observer of this process's network namespace."""
    # Without pauses between searches for processes: a person is waiting for the names.
    judged = {row.key: row.wanted for row in COLLECTORS.values() if row.judged}
    wishes = Wishes(NETNS, judged, walk_share=1.0)
    host = open_host(wishes, options.procfs, best_parser(), sys.platform)
    missing = tuple((NAMES.get(what, what), why) for what, why in host.missing())
    portable = host.no_netlink is not None
    as_root = hasattr(os, "geteuid") and os.geteuid() == 0  # Windows has no such user
    take = partial(OwnNamespace(host, options.procfs).take, config)
    return Observer(take, missing, host.own.drops, portable=portable, as_root=as_root)


def read_config(options: ReportOptions, refuse: Refuse) -> Config:
    """Return the configuration, with the fullest pools listed however few ports they use."""
    try:
        config = configured(options.config_file, options.top)
    except ConfigError as error:
        refuse(f"--config.file: {error}")
    return replace(config, listing=replace(config.listing, min_ratio=0.0))


def exit_code(seen: Observation) -> int:
    """Return the exit code for a look."""
    return NO_VERDICT if seen.assessment.blind else int(seen.assessment.severity)


def _without_stdout(error: OSError, code: int) -> int:
    """Return the exit code if stdout takes nothing: `report | head` has merely seen enough."""
    # Python must find nothing to complain about when it flushes stdout on exit.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if isinstance(error, BrokenPipeError):
        return code
    return _no_verdict(f"standard output: {error.strerror}")


def _no_verdict(reason: str) -> int:
    line = f"{PROGRAM}: error: {reason}"
    print(escape_controls(line), file=sys.stderr)  # noqa: T201 - there is no logger
    return NO_VERDICT
