"""A proxy that opens a connection for each request, as nginx does without keepalive."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.labs.lab import SERVER_PORT

# Connects, waits for the answer, closes first, and is idle for four times as long: one look in five
# meets a connection. It never ends on its own; a refusal is as good as any answer.
PROXY = f"""
import pathlib, socket, sys, time
name, remote = sys.argv[1:]
pathlib.Path("/proc/self/comm").write_text(name)
print("named", flush=True)
while True:
    began = time.monotonic()
    try:
        with socket.create_connection((remote, {SERVER_PORT})) as sock:
            sock.sendall(b"GET")
            sock.recv(1)
    except OSError:
        pass
    time.sleep(4 * (time.monotonic() - began))
"""
# Answers after 20 ms, so ten times a second, and lets the other end close first.
UPSTREAM = f"""
import asyncio
async def serve(reader, writer):
    await reader.read(3)
    await asyncio.sleep(0.02)
    writer.write(b"x")
    await reader.read(1)
    writer.close()
async def main():
    server = await asyncio.start_server(serve, "0.0.0.0", {SERVER_PORT}, backlog=4096)
    print("listens", flush=True)
    await server.serve_forever()
asyncio.run(main())
"""


@contextmanager
def upstream() -> Iterator[None]:
    """Run a server at SERVER_PORT in the namespace of the thread."""
    with _running(UPSTREAM):
        yield


@contextmanager
def proxy(name: str, remote: str) -> Iterator[None]:
    """Run a proxy of that name towards the upstream, in the namespace of the thread."""
    with _running(PROXY, name, remote):
        yield


@contextmanager
def _running(program: str, *arguments: str) -> Iterator[None]:
    command = [sys.executable, "-c", program, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            process.stdout.readline()
            yield
        finally:
            process.kill()
