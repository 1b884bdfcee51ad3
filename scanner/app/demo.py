"""A few harmless listeners on loopback for `scanner demo`, each of which teaches one thing about open ports.

No claim about a port is written here. Every plant is an idea ("a port that the registry reserves") that looks up
ports in the registry and the overlays of the moment, and the first one that is free on this machine is taken. What the
user is told about it comes from the same look-up.

The listeners live in a thread of this process: they end with it, however it ends.
"""

import asyncio
import errno
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from itertools import chain
from threading import Thread
from typing import Any

from scanner.core.errors import NotPermitted
from scanner.core.model import PortKey, PortRange, RegistryStatus, Transport
from scanner.core.registry.overlays import Overlays
from scanner.core.registry.registry import RANGES, PortRecord, Registry

ADDRESSES = ("127.0.0.77", "127.0.0.1", "::1")
"""Where to listen, best first. Linux has all of 127.0.0.0/8, other systems only 127.0.0.1, few only ::1."""

FOLKLORE = 1551
"""A number that web pages call unassigned."""

FAMOUS = (31337, 12345)
"""Numbers that people know from lists of malware: tried first, where the overlays list them."""

_NOT_THIS_PORT = frozenset({errno.EADDRINUSE, errno.EACCES, errno.EPERM})
_MOST_TRIES = 200
_QUESTION_BYTES = 4096

_WEB_PAGE = b"HTTP/1.1 200 OK\r\nServer: scanner-demo\r\nContent-Length: 5\r\nConnection: close\r\n\r\ndemo\n"
_REDIS_FACTS = b"# Server\r\nredis_version:0.0.0-demo\r\n"
_REDIS_INFO = b"$%d\r\n%b\r\n" % (len(_REDIS_FACTS), _REDIS_FACTS)
_SSH_BANNER = b"SSH-2.0-scanner_demo\r\n"

Lesson = Callable[[PortRecord, Overlays], str]


@dataclass(frozen=True, slots=True)
class Idea:
    """One thing to show, before a port is chosen for it."""

    ports: Callable[[Registry, Overlays], Iterable[int]]
    """The TCP ports that would show it, best first."""
    lesson: Lesson
    """What there is to learn, in words, from what the registry and the overlays say of the port."""
    greeting: bytes = b""
    """What the listener says first."""
    answer: bytes = b""
    """What it answers to the first bytes it is sent; without one it hangs up at once."""


@dataclass(frozen=True, slots=True)
class Plant:
    """One listener that is there."""

    port: int
    """Its TCP port."""
    lesson: str
    """What there is to learn from it, in words."""


@dataclass(frozen=True, slots=True)
class Garden:
    """All listeners that are there."""

    address: str
    """The loopback address that they listen on."""
    plants: tuple[Plant, ...]
    """The listeners, in the order in which they are best explained."""


def _named(*names: str) -> Callable[[Registry, Overlays], Iterator[int]]:
    """The ports of services with these names, those of the first name first, the highest of a name first."""

    def ports(registry: Registry, _: Overlays) -> Iterator[int]:
        keys = (key for name in names for key in reversed(registry.by_name(name)))
        return (key.number for key in keys if key.transport is Transport.TCP)

    return ports


def _with_status(status: RegistryStatus) -> Callable[[Registry, Overlays], Iterator[int]]:
    """User ports with this status of which nothing else is known: no other transport, no entry in an overlay."""

    def ports(registry: Registry, overlays: Overlays) -> Iterator[int]:
        return (
            port
            for port in registry.ports_with_status(Transport.TCP, status)
            if port in RANGES[PortRange.USER]
            and not registry.other_transport_only(Transport.TCP, port)
            and PortKey(Transport.TCP, port) not in overlays.threats
            and PortKey(Transport.TCP, port) not in overlays.usual
        )

    return ports


def _folklore(registry: Registry, overlays: Overlays) -> Iterator[int]:
    return chain([FOLKLORE], _with_status(RegistryStatus.ASSIGNED)(registry, overlays))


def _malware(_: Registry, overlays: Overlays) -> Iterator[int]:
    """Ports above the system range on which malware is known to listen."""
    listening = (key for key, threats in overlays.threats.items() if any(threat.kind.listens for threat in threats))
    ports = {key.number for key in listening if key.transport is Transport.TCP} - {*RANGES[PortRange.SYSTEM]}
    return iter([*(port for port in FAMOUS if port in ports), *sorted(ports)])


def _words(text: str) -> Lesson:
    """Words with the service's name in them."""
    return lambda record, _: text.format(service=record.names[0] if record.names else "")


def _folklore_lesson(record: PortRecord, _: Overlays) -> str:
    if record.status is not RegistryStatus.ASSIGNED:
        return f"The registry says {record.status}. Ask it, not lists on the web: they are often out of date."
    lists = "Lists on the web call this port unassigned. " if record.port == FOLKLORE else ""
    return (
        f"{lists}The registry assigns it to {record.service}. That says who may use the number, not what listens: "
        "this listener says nothing, so nobody knows what it is."
    )


def _malware_lesson(record: PortRecord, overlays: Overlays) -> str:
    threats = overlays.threats[PortKey(Transport.TCP, record.port)]
    past = next(threat for threat in threats if threat.kind.listens)
    status = f"Assigned to {record.service}" if record.service else record.status.capitalize()
    return (
        f"{status}, and a known default of {past.words}. A reason to look, not a verdict: most such ports have honest "
        "uses too."
    )


IDEAS: tuple[Idea, ...] = (
    Idea(
        _named("redis", "memcache"),
        _words(
            "Assigned to {service}, and {service} answers: the number is in order and the service is not, because it "
            "serves anyone who connects. Assigned never means safe."
        ),
        answer=_REDIS_INFO,
    ),
    Idea(
        _with_status(RegistryStatus.RESERVED),
        _words("IANA keeps this number back, so no service may expect it. What listens here chose it by itself."),
    ),
    Idea(
        _with_status(RegistryStatus.UNASSIGNED),
        _words("IANA assigned this number to no service. Find the process behind it, and its owner."),
    ),
    Idea(
        _named("http-alt"),
        _words("Assigned to {service}, but SSH answers. The number alone would have fooled you; --identify asks."),
        greeting=_SSH_BANNER,
    ),
    Idea(_malware, _malware_lesson),
    Idea(
        _named("http", "http-alt"),
        _words(
            "Assigned to {service}, and a web server answers: nothing here needs an explanation. Only a policy can say "
            "that it is wanted; until then it is undetermined."
        ),
        answer=_WEB_PAGE,
    ),
    Idea(_folklore, _folklore_lesson),
)
"""What the demo shows, worst first, as the table will."""


@contextmanager
def planted(registry: Registry, overlays: Overlays) -> Iterator[Garden]:
    """Listen for as long as the context lasts.

    Raises:
        NotPermitted: this process may not listen on loopback at all.
    """
    with ExitStack() as undo:
        loop = undo.enter_context(closing(asyncio.new_event_loop()))
        thread = Thread(target=loop.run_forever, name="demo-listeners", daemon=True)
        thread.start()
        undo.callback(thread.join)
        undo.callback(loop.call_soon_threadsafe, loop.stop)

        def run(work: Coroutine[Any, Any, Any]) -> Any:
            return asyncio.run_coroutine_threadsafe(work, loop).result()

        servers: list[asyncio.Server] = []
        undo.callback(lambda: run(_stop(servers)))
        yield run(_plant_all(registry, overlays, servers))


async def _plant_all(registry: Registry, overlays: Overlays, servers: list[asyncio.Server]) -> Garden:
    address = await _usable_address()
    taken: dict[int, str] = {}
    for idea in IDEAS:
        free = (port for port in idea.ports(registry, overlays) if port not in taken)
        server, port = await _first_free(address, free, idea)
        if server is not None:
            servers.append(server)
            taken[port] = idea.lesson(registry.lookup(Transport.TCP, port), overlays)
    return Garden(address, tuple(Plant(port, lesson) for port, lesson in taken.items()))


async def _usable_address() -> str:
    """The first address that can be listened on, tried on a port that the system chooses."""
    problems = []
    for address in ADDRESSES:
        try:
            (await asyncio.start_server(_talk(b"", b""), address, 0)).close()
        except OSError as error:
            problems.append(f"{address}: {error.strerror or error}")
        else:
            return address
    raise NotPermitted(f"the demo cannot listen on loopback ({'; '.join(problems)})")


async def _first_free(address: str, ports: Iterable[int], idea: Idea) -> tuple[asyncio.Server | None, int]:
    """Listen on the first port that is free and permitted; None where so many are not that it is no use."""
    for port, _ in zip(ports, range(_MOST_TRIES), strict=False):
        try:
            return await asyncio.start_server(_talk(idea.greeting, idea.answer), address, port), port
        except OSError as error:
            if error.errno not in _NOT_THIS_PORT:
                raise
    return None, 0


def _talk(greeting: bytes, answer: bytes) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
    """One short conversation with each who connects."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # The peer has gone, as peers of a scanner do; or we go, and Python 3.11 reports a task that ends cancelled.
        with suppress(OSError, asyncio.CancelledError):
            writer.write(greeting)
            if answer and await reader.read(_QUESTION_BYTES):
                writer.write(answer)
            await writer.drain()
        writer.close()

    return talk


async def _stop(servers: Sequence[asyncio.Server]) -> None:
    """Stop listening, and end the conversations that are under way."""
    for server in servers:
        server.close()
    await asyncio.sleep(0)  # what was just accepted begins, so that it can end by itself
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
