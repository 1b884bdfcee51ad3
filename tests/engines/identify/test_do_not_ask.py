"""A raw printer port prints what it receives, so it receives nothing: no hello, no TLS, no test of the whole host."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from ipaddress import ip_address

import pytest

from scanner.core.model import Endpoint, Observation, State, Transport
from scanner.core.rate.limits import UNLIMITED
from scanner.core.recognise.do_not_ask import DO_NOT_ASK, reason_not_to_ask
from scanner.core.recognise.hellos import HELLOS, TLS
from scanner.core.recognise.http import http_request
from scanner.core.recognise.identity import Conduct
from scanner.engines.identify import answers_everywhere
from scanner.engines.identify.answers_everywhere import AnswersEverywhereScreen
from scanner.engines.identify.connection_limiter import ConnectionLimiter
from scanner.engines.identify.conversation import Conversation, Ending, Patience
from scanner.engines.identify.identifier import ServiceIdentifier
from scanner.engines.identify.tls_handshake import TlsSpeaker
from tests.engines.peers import Peer, peer

PRINTER = ip_address("127.0.91.1")
PORTS = [port for quiet in DO_NOT_ASK if not quiet.reads for port in range(quiet.first, quiet.last + 1)]
QUICK = Patience(connect=1, greeting=0.1, answer=0.15, tls=0.15, small_answer=0.05, lull=0.05, late=0.2, total=4)


async def printing(it: Peer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Take every byte until the job ends, as a raw port does."""
    it.received.append(await reader.read())


@contextlib.asynccontextmanager
async def printer() -> AsyncIterator[dict[int, Peer]]:
    """A peer on each port that must not be asked and that this user may open; counts bytes."""
    async with contextlib.AsyncExitStack() as up:
        peers: dict[int, Peer] = {}
        for port in PORTS:
            try:
                peers[port] = await up.enter_async_context(peer(printing, address=f"{PRINTER}", port=port))
            except OSError as error:
                if port > 1023:
                    pytest.skip(f"port {port} of {PRINTER} cannot be opened: {error.strerror}")
        yield peers


async def received(peers: dict[int, Peer], connections: int) -> int:
    """Bytes that arrived, once every connection has ended."""
    async with asyncio.timeout(10):
        while sum(len(each.received) for each in peers.values()) < connections:
            await asyncio.sleep(0.005)
    return sum(len(job) for each in peers.values() for job in each.received)


def opened(port: int) -> Observation:
    return Observation(Endpoint(PRINTER, Transport.TCP, port), State.OPEN, "syn-ack", datetime.now(UTC))


async def test_identify_neither_connects_nor_sends_to_a_port_without_a_read_and_says_why() -> None:
    async with printer() as peers:
        asker = ServiceIdentifier(permitted=lambda _: True, limiter=ConnectionLimiter(UNLIMITED), patience=QUICK)
        found = await asker.identify([opened(port) for port in peers])
        assert [each.evidence for each in found] == [f"Not asked: {reason_not_to_ask(port)}" for port in peers]
        assert {each.identity.conduct for each in found if each.identity} == {Conduct.NOT_ASKED}
        assert [each.received for each in peers.values()] == [[] for _ in peers]


async def test_a_name_of_the_registry_for_such_a_port_changes_nothing() -> None:
    async with printer() as peers:
        asker = ServiceIdentifier(
            permitted=lambda _: True,
            limiter=ConnectionLimiter(UNLIMITED),
            services=lambda _: ("http", "https", "postgresql"),
            patience=QUICK,
        )
        await asker.identify([opened(9100)])
        assert peers[9100].received == []


@pytest.mark.parametrize("hello", HELLOS.values(), ids=lambda hello: hello.name)
async def test_no_hello_gets_through_a_conversation_with_such_a_port(hello: object) -> None:
    payload = getattr(hello, "payload", b"") or http_request(f"{PRINTER}")
    async with printer() as peers:
        for port in peers:
            async with Conversation(PRINTER, port, QUICK) as talk:
                assert not await talk.send(payload)
        assert await received(peers, len(peers)) == 0


async def test_no_tls_handshake_gets_through_either() -> None:
    assert TLS in HELLOS
    async with printer() as peers:
        async with Conversation(PRINTER, 9100, QUICK) as talk:
            assert await TlsSpeaker(talk, "", ()).handshake(0.1) is Ending.SILENCE
        assert await received(peers, 1) == 0


@pytest.mark.parametrize(("port", "name"), [(502, "modbus"), (44818, "ethernet-ip")])
async def test_a_controller_gets_its_read_and_nothing_else(port: int, name: str) -> None:
    async with peer(printing, address=f"{PRINTER}", port=port) as it:
        asker = ServiceIdentifier(permitted=lambda _: True, limiter=ConnectionLimiter(UNLIMITED), patience=QUICK)
        [found] = await asker.identify([opened(port)])
        assert await received({port: it}, 1) == len(HELLOS[name].payload)
        assert it.received == [HELLOS[name].payload]
        assert found.identity is not None
        assert (found.identity.conduct, found.identity.asked) == (Conduct.SILENT, (name,))


@pytest.fixture
def printer_canaries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the test of the whole host draw nothing but printer ports."""
    monkeypatch.setattr(answers_everywhere, "canary_ports", lambda *_: tuple(range(9100, 9107)))


@pytest.mark.usefixtures("printer_canaries")
async def test_the_test_of_the_whole_host_opens_connections_and_sends_nothing() -> None:
    async with printer() as peers:
        screen = AnswersEverywhereScreen(
            permitted=lambda _: True,
            limiter=ConnectionLimiter(UNLIMITED),
            ports_per_address=3,
            secret=bytes(16),
            patience=QUICK,
        )
        await screen.screen([opened(port) for port in (9100, 9101, 9102)])
        assert screen.condemned == {PRINTER}
        assert await received(peers, 7) == 0


def test_the_ports_next_to_them_are_asked() -> None:
    assert [reason_not_to_ask(port) for port in (514, 516, 631, 9099, 9108, 9111, 9117)] == [""] * 7
