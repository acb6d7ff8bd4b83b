import asyncio
import socket

from tcp_pressure_exporter.web.stream import open_stream, readable


async def _serve_one(listener: socket.socket) -> tuple[bytes, int]:
    """Accept one client, read one byte; return it and the server's TCP_NODELAY."""
    await readable(listener)
    sock, _ = listener.accept()
    sock.settimeout(0)
    await readable(sock)
    reader, writer = await open_stream(sock, buffer_bytes=1024)
    no_delay = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    byte = await reader.read(1)
    writer.close()
    await writer.wait_closed()
    return byte, no_delay


def test_stream_of_an_accepted_socket() -> None:
    """An accepted socket becomes a stream that does not wait for acknowledgements to send."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0)
        with socket.create_connection(listener.getsockname()) as peer:
            peer.sendall(b"x")
            byte, no_delay = asyncio.run(_serve_one(listener))
    assert byte == b"x"
    assert no_delay


def test_stream_of_a_unix_socket() -> None:
    """A Unix socket, as systemd may pass one, becomes a stream as well."""

    async def read_one(sock: socket.socket) -> bytes:
        reader, writer = await open_stream(sock, buffer_bytes=1024)
        byte = await reader.read(1)
        writer.close()
        await writer.wait_closed()
        return byte

    ours, theirs = socket.socketpair()
    with theirs:
        ours.settimeout(0)
        theirs.sendall(b"x")
        assert asyncio.run(read_one(ours)) == b"x"
