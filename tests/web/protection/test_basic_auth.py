import asyncio
import base64
from collections.abc import Sequence

import bcrypt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcp_pressure_exporter.web.message import Request
from tcp_pressure_exporter.web.protection.basic_auth import BasicAuth, parse_credentials

COST = 4  # bcrypt's minimum
LONG = "x" * 72
USERS = {"alice": "wonder:land", "bob": "", "zoë": "pässword", "long": LONG}


def auth() -> BasicAuth:
    return BasicAuth(
        {
            name: bcrypt.hashpw(password.encode(), bcrypt.gensalt(COST)).decode()
            for name, password in USERS.items()
        }
    )


def request(user: str, password: str) -> Request:
    credentials = base64.b64encode(f"{user}:{password}".encode()).decode()
    return Request("GET", "/", {}, {"authorization": f"Basic {credentials}"})


async def statuses(judge: BasicAuth, requests: Sequence[Request]) -> list[int]:
    refusals = await asyncio.gather(*(judge.refusal(request) for request in requests))
    return [200 if refusal is None else refusal.status for refusal in refusals]


@pytest.mark.parametrize(
    ("user", "password", "status"),
    [
        *((user, password, 200) for user, password in USERS.items()),
        ("alice", "wonderland", 401),
        ("alice", "", 401),
        ("bob", "wonder:land", 401),
        ("eve", "wonder:land", 401),
        ("", "", 401),
        ("alice", "wonder:land\0", 401),
        ("long", LONG + "and more", 200),  # bcrypt reads 72 bytes
        ("long", LONG[:71], 401),
    ],
)
def test_password(user: str, password: str, status: int) -> None:
    """The right password lets a user in, the second time as well as the first."""
    judge = auth()
    for _ in range(2):
        assert asyncio.run(statuses(judge, [request(user, password)])) == [status]


def test_refusal_asks_for_a_password() -> None:
    """A request without credentials is answered with the challenge of RFC 7617."""
    refusal = asyncio.run(auth().refusal(Request("GET", "/", {}, {})))
    assert refusal is not None
    assert refusal.status == 401
    headers = dict(refusal.headers)
    assert headers["WWW-Authenticate"] == 'Basic realm="tcp-pressure-exporter", charset="UTF-8"'


@pytest.mark.parametrize(
    "header",
    [
        *("", "Basic", "Basic ", "Bearer YTpi", "Basic YTpi!", "Basic YTp", "Basic ü"),
        "Basic YWI=",  # no colon
        "Basic YTpi, Basic YTpi",  # the header sent twice
    ],
)
def test_bad_header(header: str) -> None:
    """Anything but one pair of user and password counts as none."""
    assert parse_credentials(header) is None


@given(st.binary(), st.binary())
def test_any_credentials(user: bytes, password: bytes) -> None:
    """Whatever bytes are encoded come back, split at the first colon."""
    encoded = base64.b64encode(user + b":" + password).decode()
    found = parse_credentials(f"Basic {encoded}")
    assert found == tuple((user + b":" + password).split(b":", 1))


@given(st.text())
def test_any_header(header: str) -> None:
    """Any text is credentials or none, never an error."""
    found = parse_credentials(f"Basic {header}")
    assert found is None or len(found) == 2


def test_header() -> None:
    """The scheme may be in any case; what follows the first colon is the password."""
    # RFC 7617 section 2: Aladdin, "open sesame"
    credentials = parse_credentials("bAsIc QWxhZGRpbjpvcGVuIHNlc2FtZQ==")
    assert credentials == (b"Aladdin", b"open sesame")


class Counted(BasicAuth):
    """Counts the checks, and records their hashes."""

    def __init__(self, users: dict[str, str]) -> None:
        super().__init__(users)
        self.checks: list[bytes] = []
        check = self._check

        def counted(password: bytes, hashed_password: bytes) -> bool:
            self.checks.append(hashed_password)
            return check(password, hashed_password)

        self._check = counted


def counted() -> Counted:
    hashes = (bcrypt.hashpw(b"secret", bcrypt.gensalt(COST)).decode() for _ in range(2))
    return Counted(dict(zip(("alice", "bob"), hashes, strict=True)))


def test_verdicts_are_remembered() -> None:
    """Each pair of user and password is checked once, good or bad, even if several come at once."""
    judge = counted()
    asked = [request("alice", "secret"), request("alice", "wrong"), request("eve", "secret")] * 5
    for _ in range(2):
        assert asyncio.run(statuses(judge, asked)) == [200, 401, 401] * 5
    assert len(judge.checks) == 3


def test_guesses_do_not_push_out_good_verdicts() -> None:
    """After thousands of guesses a good password needs no new check; old guesses do."""
    judge = counted()
    asyncio.run(statuses(judge, [request("alice", "secret")]))
    for number in range(1030):
        asyncio.run(statuses(judge, [request("alice", f"guess {number}")]))
    before = len(judge.checks)
    assert asyncio.run(statuses(judge, [request("alice", "secret")])) == [200]
    assert len(judge.checks) == before
    assert asyncio.run(statuses(judge, [request("alice", "guess 0")])) == [401]
    assert len(judge.checks) == before + 1


def test_unknown_user_costs_as_much_as_a_known_one() -> None:
    """A name that does not exist is checked, always against the same real user's hash."""
    judge = counted()
    for attempt in range(3):
        asyncio.run(statuses(judge, [request("eve", f"{attempt}")]))
    assert len(judge.checks) == 3
    assert len(set(judge.checks)) == 1


def test_waiting_line_is_bounded() -> None:
    """Of 40 different guesses at once, 16 are checked; the others are told to come back later."""
    judge = counted()
    found = asyncio.run(statuses(judge, [request("alice", f"{n}") for n in range(40)]))
    assert sorted(found) == [401] * 16 + [503] * 24


def test_who_leaves_does_not_take_the_verdict_along() -> None:
    """A client that goes while its password is checked leaves the verdict for the next one."""
    judge = counted()

    async def leave_and_return() -> list[int]:
        leaving = asyncio.create_task(judge.refusal(request("alice", "secret")))
        await asyncio.sleep(0)
        leaving.cancel()
        return await statuses(judge, [request("alice", "secret")])

    assert asyncio.run(leave_and_return()) == [200]
    assert len(judge.checks) == 1
