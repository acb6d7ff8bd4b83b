"""The recorded dump, counted, against what `ss` printed (recorded/README.md)."""

from collections import Counter, defaultdict

from hypothesis import given, settings

from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.facts.ports import port_range, port_set, ports_of
from tcp_pressure_exporter.facts.tally import PoolKey, TallyRules
from tests.sources.counting.counting import NEVER, key, tally_datagrams
from tests.sources.counting.faults import Fault, faults, with_fault
from tests.sources.counting.recordings import recorded_datagrams, ss_lines
from tests.support.fakes.tallies import counts

SERVED = range(8080, 8087)
RULES = TallyRules(
    usable=port_range(32768, 60999),
    blocked=port_set([45000, 45001, 45002]),
    served=port_set(SERVED),
    reuse=NEVER,
)
SS_STATES = {
    "ESTAB": 1,
    "SYN-SENT": 2,
    "SYN-RECV": 3,
    "FIN-WAIT-1": 4,
    "FIN-WAIT-2": 5,
    "TIME-WAIT": 6,
    "CLOSE-WAIT": 8,
    "LAST-ACK": 9,
}


def test_recording() -> None:
    """The recorded dump gives the states, pools and ports that `ss` showed at that moment."""
    counted = tally_datagrams(recorded_datagrams("main"), RULES)
    shown = [line for line in ss_lines() if line.state != "LISTEN"]
    pools: dict[bool, dict[PoolKey, list[bool]]] = {
        False: defaultdict(list),
        True: defaultdict(list),
    }
    for line in shown:
        inbound = line.local_port in SERVED
        fixed = line.local_port if inbound else line.remote_port
        pool = key(line.local, line.remote, fixed)
        pools[inbound][pool].append(line.state == "TIME-WAIT")
    states = Counter(("." in line.local, SS_STATES[line.state]) for line in shown)
    assert +Counter(counted.states) == states
    assert counts(counted.outbound) == {
        pool: (len(ends), sum(ends), 0) for pool, ends in pools[False].items()
    }
    assert counts(counted.inbound) == {
        pool: (len(ends), sum(ends), 0) for pool, ends in pools[True].items()
    }
    assert set(ports_of(counted.held)) == {line.local_port for line in shown}


@settings(deadline=None)  # the first example reads the recording
@given(faults("main"))
def test_damaged_recording(fault: Fault) -> None:
    """A recorded dump with one fault gives at most its 270 sockets, or a SourceError."""
    try:
        counted = tally_datagrams(with_fault("main", fault), RULES)
    except SourceError:
        return
    assert sum(counted.states.values()) <= 270
