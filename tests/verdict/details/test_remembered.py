"""What an exporter remembers, alongside what a look showed."""

from tcp_pressure_exporter.facts.kernel import Identity
from tcp_pressure_exporter.facts.sockets import Owner
from tcp_pressure_exporter.findings.kinds import Severity
from tcp_pressure_exporter.pools.listing import SeenOwner
from tcp_pressure_exporter.verdict.details.remembered import Asked, Remembered, with_remembered
from tests.pages.report.observations import CLIENTS, UPSTREAM, assessment

URL = "http://127.0.0.1:10190"
NGINX, CURL, CRON = Owner("nginx.service", "nginx"), Owner("", "curl"), Owner("cron.service")
CRITICAL = Severity.CRITICAL


def remembered(*owners: SeenOwner, name: str = UPSTREAM.name) -> Remembered:
    told = tuple(one._replace(told_by=URL) for one in owners)
    return Remembered(Identity("boot", 1), {("outbound", name): told})


def owners(seen: tuple[SeenOwner, ...], told: Remembered) -> tuple[SeenOwner, ...]:
    pressure = UPSTREAM._replace(owners=seen)
    found = with_remembered(assessment(pressure, CLIENTS, severity=CRITICAL), told)
    assert found.pressures[1] == CLIENTS
    return found.pressures[0].owners


def test_met_by_no_look() -> None:
    """If a look found no owner, the exporter's owners are shown, naming the exporter."""
    told = SeenOwner(NGINX, 0, 40.0)
    assert owners((), remembered(told)) == (told._replace(told_by=URL),)


def test_known_to_both() -> None:
    """What the look saw stays as it is; the exporter adds other owners and closes, marked."""
    seen = (SeenOwner(NGINX, 12),)
    told = remembered(SeenOwner(NGINX, 9, 3.0), SeenOwner(CURL, 0, 40.0))
    assert owners(seen, told) == (SeenOwner(NGINX, 12), SeenOwner(CURL, 0, 40.0, told_by=URL))
    counted = remembered(SeenOwner(NGINX, 9, 3.0, 7_950, 0.97))
    marked = SeenOwner(NGINX, 12, 0.0, 7_950, 0.97, told_by=URL)
    assert owners(seen, counted) == (marked,)
    own = (SeenOwner(NGINX, 12, 0.0, 240, 1.0),)
    assert owners(own, counted) == own


def test_few() -> None:
    """Together they are at most three."""
    told = remembered(*(SeenOwner(Owner("", f"p{number}"), number) for number in range(1, 9)))
    assert [one.sockets for one in owners((SeenOwner(CRON, 2),), told)] == [8, 7, 6]


def test_another_pool() -> None:
    """Owners of a resource that is not in the look are dropped."""
    assert owners((), remembered(SeenOwner(NGINX, 3), name="10.0.0.1 → 10.0.0.2:1")) == ()


def test_words() -> None:
    """The page says where the answer comes from, or why it is of no use."""
    assert URL in Asked(URL).words
    assert Asked(URL, "no answer within 0.5 s").words.endswith("no answer within 0.5 s.")
