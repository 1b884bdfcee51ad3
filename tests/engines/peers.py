"""Peers on loopback for tests: each behaves in one way, well or badly, and counts what it was asked."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Peer:
    """A peer that listens."""

    port: int = 0
    received: list[bytes] = field(default_factory=list)
    now: int = 0
    most_at_once: int = 0
    sent: int = 0


@contextlib.asynccontextmanager
async def peer(
    behave: Callable[[Peer, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
    context: ssl.SSLContext | None = None,
    *,
    address: str = "127.0.0.1",
    port: int = 0,
) -> AsyncIterator[Peer]:
    """A peer on a port of `address`, by default a free one; whatever it does is ended with the block."""
    it = Peer()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        it.now += 1
        it.most_at_once = max(it.most_at_once, it.now)
        try:
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                await behave(it, reader, writer)
        finally:
            it.now -= 1
            writer.transport.abort()

    server = await asyncio.start_server(serve, address, port, ssl=context)
    it.port = server.sockets[0].getsockname()[1]
    try:
        yield it
    finally:
        server.close()


@contextlib.contextmanager
def listeners(count: int, address: str = "127.0.0.1") -> Iterator[set[int]]:
    """Ports that listen and do no more, chosen by the kernel."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with contextlib.ExitStack() as closing:
        made = [closing.enter_context(socket.socket(family)) for _ in range(count)]
        for each in made:
            each.bind((address, 0))
            each.listen(16)
        yield {each.getsockname()[1] for each in made}


async def ask(it: Peer, reader: asyncio.StreamReader) -> bytes:
    """What the scanner asked; empty where it left."""
    data = await reader.read(4096)
    it.received.append(data)
    return data


async def silent(it: Peer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while await ask(it, reader):
        pass


async def closing(it: Peer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await ask(it, reader)


async def slamming(it: Peer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    it.received.append(b"")


async def dripping(it: Peer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"a")
        await writer.drain()
        await asyncio.sleep(0.03)


async def flooding(it: Peer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    block = b"\x1b[2J" * 16384
    while True:
        writer.write(block)
        await writer.drain()
        it.sent += len(block)


def greeting(words: bytes, after: float = 0) -> Callable[..., Awaitable[None]]:
    """A peer that says `words` after some seconds, and then listens."""

    async def behave(it: Peer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(after)
        writer.write(words)
        await silent(it, reader, writer)

    return behave


def answering(answers: dict[bytes, bytes]) -> Callable[..., Awaitable[None]]:
    """A peer that answers questions by how they begin, and closes on any other."""

    async def behave(it: Peer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        data = await ask(it, reader)
        for begin, answer in answers.items():
            if data.startswith(begin):
                writer.write(answer)
                await writer.drain()
                await asyncio.sleep(0.01)

    return behave


def server_context(folder: Path, alpn: list[str] | None = None, days: int = 10) -> ssl.SSLContext:
    """A TLS server with a self-signed certificate for `lab.invalid`."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "lab.invalid")])
    cert = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("lab.invalid")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = folder / "server.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    pem.write_bytes(private + cert.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    if alpn:
        context.set_alpn_protocols(alpn)
    return context
