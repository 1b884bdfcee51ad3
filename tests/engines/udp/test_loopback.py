"""The UDP engine on loopback, which has no ICMP limit: states, reasons, proof, and who is not believed."""

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from threading import Event, Thread

import pytest

from scanner.core.errors import OutOfScope
from scanner.core.model import State, Transport
from scanner.core.rate.limits import UNLIMITED, Limits
from scanner.core.udp.catalogue import Catalogue
from scanner.engines.udp import error_queue
from scanner.engines.udp.engine import UdpEngine, UdpOptions
from tests.engines.waves import covered, evidence, in_pieces, reasons, settle, wave

HERE = "127.0.0.1"
Answer = Callable[[bytes], list[bytes]]


@contextmanager
def serving(answer: Answer, port: int = 0, address: str = HERE, *, elsewhere: bool = False) -> Iterator[int]:
    """A UDP server in a thread; `elsewhere` answers from another port, as TFTP does. Yields its port."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    stop = Event()
    with socket.socket(family, socket.SOCK_DGRAM) as sock, socket.socket(family, socket.SOCK_DGRAM) as other:
        sock.bind((address, port))
        other.bind((address, 0))
        sock.settimeout(0.05)

        def serve() -> None:
            while not stop.is_set():
                try:
                    data, peer = sock.recvfrom(4096)
                except TimeoutError:
                    continue
                for said in answer(data):
                    (other if elsewhere else sock).sendto(said, peer)

        thread = Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield sock.getsockname()[1]
        finally:
            stop.set()
            thread.join()


def engine(limits: Limits = UNLIMITED, **more: object) -> UdpEngine:
    return UdpEngine(UdpOptions(secret=bytes(16), **more), limits)  # type: ignore[arg-type]


def free_ports(count: int) -> list[int]:
    """Ports that were free a moment ago."""
    with ExitStack() as stack:
        socks = [stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) for _ in range(count)]
        for sock in socks:
            sock.bind((HERE, 0))
        return [sock.getsockname()[1] for sock in socks]


def asked(ports: list[int], address: str = HERE) -> object:
    return wave([address], ports, transport=Transport.UDP)


BOTH_WAYS = pytest.mark.parametrize("portable", [False, True], ids=["error queue", "connected"])


@BOTH_WAYS
async def test_open_closed_and_silent_ports_are_told_apart(portable: bool) -> None:
    closed = free_ports(40)
    with serving(lambda _: [b"hello"]) as open_, serving(lambda _: []) as silent:
        made = wave([HERE], [open_, silent, *closed], transport=Transport.UDP)
        settled = await settle(engine(portable=portable), made)
    found = reasons(*settled)
    assert found.pop((HERE, open_)) == "udp-answer-unproven"
    assert found.pop((HERE, silent)) == "udp-no-response"
    assert set(found.values()) == {"port-unreachable"}
    coverage = covered(*settled)
    assert (coverage.open, coverage.closed, coverage.open_filtered, coverage.unknown) == (1, 40, 1, 0)
    assert coverage.balanced


@BOTH_WAYS
async def test_over_ipv6_too(portable: bool) -> None:
    with serving(lambda data: [data], address="::1") as open_:
        made = wave(["::1"], [open_, *free_ports(5)], transport=Transport.UDP)
        settled = await settle(engine(portable=portable), made)
    assert reasons(*settled).pop(("::1", open_)) == "udp-answer-unproven"
    assert covered(*settled).closed == 5


@pytest.fixture
def dns_port(monkeypatch: pytest.MonkeyPatch) -> int:
    """A free port that is asked what port 53 is asked."""
    (port,) = free_ports(1)
    by_port = Catalogue.by_port.func(Catalogue())  # type: ignore[attr-defined]
    monkeypatch.setattr(Catalogue, "of", lambda self, each: by_port[53] if each == port else by_port.get(each, ()))
    return port


def dns_answer(data: bytes) -> list[bytes]:
    return [data[:2] + b"\x84\x05" + data[4:]]


async def test_an_answer_with_our_token_is_proven_and_says_what_speaks(dns_port: int) -> None:
    with serving(dns_answer, dns_port):
        (settled,) = await settle(engine(), wave([HERE], [dns_port], transport=Transport.UDP))
    (seen,) = settled.observe(settled.places(State.OPEN))
    assert (seen.reason, seen.evidence) == ("udp-answer", "")
    assert seen.endpoint.transport is Transport.UDP
    assert seen.identity is not None
    assert (seen.identity.protocol, seen.identity.detail) == ("dns", "refused")
    assert seen.rtt is not None


async def test_an_answer_without_it_is_open_and_said_to_be_unproven(dns_port: int) -> None:
    with serving(lambda data: [b"\0\0" + data[2:13] + bytes(len(data) - 13)], dns_port):
        settled = await settle(engine(), wave([HERE], [dns_port], transport=Transport.UDP))
    assert reasons(*settled) == {(HERE, dns_port): "udp-answer-unproven"}
    assert "nothing in the answer proves" in evidence(*settled)[HERE, dns_port]


@pytest.mark.skipif(not error_queue.AVAILABLE, reason="a connected socket is deaf to other ports")
async def test_tftp_answers_from_another_port_and_is_credited_to_the_one_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    port, *closed = free_ports(4)
    by_port = Catalogue.by_port.func(Catalogue())  # type: ignore[attr-defined]
    monkeypatch.setattr(Catalogue, "of", lambda self, each: by_port[69] if each == port else ())
    with serving(lambda _: [b"\0\5\0\1No such file\0"], port, elsewhere=True):
        settled = await settle(engine(), wave([HERE], [port, *closed], transport=Transport.UDP))
    assert reasons(*settled)[HERE, port] == "udp-answer-unproven"
    assert "answered from 127.0.0.1 port" in evidence(*settled)[HERE, port]
    assert covered(*settled).closed == 3


async def test_an_answer_from_a_port_that_was_not_asked_is_no_row_and_a_thousand_count_once() -> None:
    port, *closed = free_ports(4)
    with serving(lambda _: [b"x"] * 1000, elsewhere=True) as stranger, serving(lambda _: [b"y"] * 1000, port):
        made = wave([HERE], [port, stranger, *closed], transport=Transport.UDP)
        settled = await settle(engine(), made)
    assert covered(*settled).open == 1
    assert reasons(*settled)[HERE, port] == "udp-answer-unproven"
    assert len(reasons(*settled)) == 5


async def test_waves_of_one_host_are_settled_one_by_one() -> None:
    ports = free_ports(30)
    pieces = list(in_pieces(wave([HERE], ports, transport=Transport.UDP), 7))
    settled = await settle(engine(), *pieces)
    assert sorted(each.wave.number for each in settled) == list(range(5))
    assert covered(*settled).closed == 30
    assert all(each.complete for each in settled)


async def test_the_rate_holds_for_datagrams() -> None:
    ports = free_ports(30)
    made = wave([HERE], ports, transport=Transport.UDP)
    running = asyncio.get_running_loop()
    began = running.time()
    settled = await settle(engine(Limits(rate=40, host_rate=None)), made)
    assert covered(*settled).sent >= 30
    assert running.time() - began >= (covered(*settled).sent - 2) / 40 * 0.95


async def test_what_is_out_of_scope_is_refused_before_anything_is_sent() -> None:
    refusing = UdpEngine(UdpOptions(bytes(16)), UNLIMITED, permitted=lambda _: False)
    with pytest.raises(OutOfScope, match=r"127\.0\.0\.1 is not permitted"):
        await settle(refusing, wave([HERE], [53], transport=Transport.UDP))
    assert refusing.progress.sent == 0


async def test_stopping_ends_waves_as_they_are() -> None:
    with serving(lambda _: []) as silent:
        subject = engine()
        made = wave([HERE], [silent], transport=Transport.UDP)
        asyncio.get_running_loop().call_later(0.1, subject.stop)
        (settled,) = await settle(subject, made)
    assert not settled.complete
    assert reasons(settled) == {(HERE, silent): "interrupted"}
    assert covered(settled).unknown == 1


async def test_an_engine_stopped_before_it_ran_takes_no_wave() -> None:
    subject = engine()
    subject.stop()
    assert await settle(subject, wave([HERE], [53], transport=Transport.UDP)) == []


async def test_every_port_of_a_machine_is_settled_though_one_is_our_own_socket() -> None:
    ports = list(range(30_000, 34_000))
    settled = await settle(engine(), wave([HERE], ports, transport=Transport.UDP))
    coverage = covered(*settled)
    assert coverage.unknown == 0
    assert coverage.planned == 4000 == coverage.closed + coverage.open + coverage.open_filtered


@pytest.mark.parametrize("problem", [{"secret": b"short"}, {"patience": -1.0}])
def test_options_are_checked(problem: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"secret|patience"):
        UdpOptions(**{"secret": bytes(16), **problem})  # type: ignore[arg-type]
