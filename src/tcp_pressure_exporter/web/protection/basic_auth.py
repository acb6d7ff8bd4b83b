"""Basic authentication (RFC 7617) by bcrypt, on a thread for which shutdown does not wait."""

import asyncio
import base64
import binascii
import hashlib
import hmac
import os
import secrets
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import ParamSpec, TypeVar

from tcp_pressure_exporter.web.message import Request, Response, text_response

_NAME = "blocking-work"
_P = ParamSpec("_P")
_T = TypeVar("_T")


async def in_daemon_thread(work: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
    """Run `work` on a separate thread and return its result, or raise what it raised.

    Executors join their threads when Python exits: a bcrypt hash of high cost would delay a stop
    for as long as its check takes.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[_T] = loop.create_future()

    def run() -> None:
        try:
            deliver(done.set_result, work(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - passed to the waiting caller
            deliver(done.set_exception, error)

    def deliver(how: Callable[..., None], outcome: _T | Exception) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody is waiting any more
            loop.call_soon_threadsafe(lambda: None if done.done() else how(outcome))

    threading.Thread(target=run, name=_NAME, daemon=True).start()
    return await done


def exit_beside_work(code: int) -> int:
    """Return the exit code, or end the process with it immediately if such work is still running.

    Python makes a thread exit if it returns from a library while Python is ending. If it returns
    from Rust, as with bcrypt, that aborts the whole process. Call this last: it flushes nothing and
    runs no atexit handlers.
    """
    if any(thread.name == _NAME for thread in threading.enumerate()):
        os._exit(code)
    return code


_CHALLENGE = ("WWW-Authenticate", 'Basic realm="tcp-pressure-exporter", charset="UTF-8"')
_PASSWORD_BYTES = 72  # bcrypt uses no more; exporter-toolkit's ignores the rest too
_PENDING = 16
_REMEMBERED_REJECTIONS = 1024


class BasicAuth:
    """Knows the users and their hashes, `$2y$COST$...` by name.

    It checks one password at a time, and at most 16 wait. It remembers verdicts, by a keyed digest
    and not by the password, so that a scraper costs one check. Those of good passwords stay,
    however many bad ones are tried.
    """

    def __init__(self, users: Mapping[str, str]) -> None:
        import bcrypt  # noqa: PLC0415 - takes memory, so only if there are users

        self._check = bcrypt.checkpw
        self._hashes = {name.encode(): hashed.encode() for name, hashed in users.items()}
        self._key = secrets.token_bytes(32)
        self._accepted: set[bytes] = set()
        self._rejected: dict[bytes, None] = {}
        self._pending: dict[bytes, asyncio.Task[bool]] = {}
        self._turn = asyncio.Lock()

    async def refusal(self, request: Request) -> Response | None:
        """Return None for a user with the right password, else 401, or 503 if too many wait."""
        credentials = parse_credentials(request.header("authorization"))
        if credentials is None:
            return _unauthorized()
        user, password = credentials
        good = await self._verdict(user, password[:_PASSWORD_BYTES])
        if good is None:
            return text_response(503, "Too many passwords to check.", ("Retry-After", "1"))
        return None if good else _unauthorized()

    async def _verdict(self, user: bytes, password: bytes) -> bool | None:
        digest = self._digest(len(user).to_bytes(4, "big"), user, password)
        if digest in self._accepted:
            return True
        if digest in self._rejected:
            return False
        task = self._pending.get(digest)
        if task is None:
            if len(self._pending) >= _PENDING:
                return None
            task = asyncio.create_task(self._judge(digest, user, password))
            self._pending[digest] = task
        # Several may wait for the same verdict: one that leaves must not cancel it for the others.
        return await asyncio.shield(task)

    async def _judge(self, digest: bytes, user: bytes, password: bytes) -> bool:
        known = user in self._hashes
        hashed = self._hashes[user] if known else self._stand_in(user)
        try:
            async with self._turn:
                right = await in_daemon_thread(self._check, password, hashed)
        finally:
            del self._pending[digest]
        self._remember(digest, good := known and right)
        return good

    def _stand_in(self, user: bytes) -> bytes:
        """Return some user's hash, always the same for one name.

        So a name that does not exist takes as long as one that does, whatever its cost.
        """
        hashes = list(self._hashes.values())
        return hashes[int.from_bytes(self._digest(user), "big") % len(hashes)]

    def _remember(self, digest: bytes, good: bool) -> None:  # noqa: FBT001 - it is the verdict
        if good:
            self._accepted.add(digest)
            return
        self._rejected[digest] = None
        if len(self._rejected) > _REMEMBERED_REJECTIONS:
            del self._rejected[next(iter(self._rejected))]

    def _digest(self, *parts: bytes) -> bytes:
        return hmac.digest(self._key, b"".join(parts), hashlib.sha256)


def parse_credentials(header: str) -> tuple[bytes, bytes] | None:
    """Return user and password from an Authorization header, or None if it has none."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        decoded = base64.b64decode(encoded.strip(" "), validate=True)
    except (binascii.Error, ValueError):  # ValueError: not ASCII
        return None
    user, colon, password = decoded.partition(b":")
    return (user, password) if colon else None


def _unauthorized() -> Response:
    return text_response(401, "Unauthorized", _CHALLENGE)
