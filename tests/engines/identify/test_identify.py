"""Conversations with unknown peers on loopback: which are recognised, and what hostile ones may cost."""

import asyncio
import errno
import socket
import ssl
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path

import pytest

from scanner.core.model import Endpoint, Observation, State, Transport
from scanner.core.rate.limits import UNLIMITED, Limits
from scanner.core.recognise.hellos import HELLOS
from scanner.core.recognise.identity import LONGEST, Conduct, Identity
from scanner.engines.identify.connection_limiter import ConnectionLimiter
from scanner.engines.identify.conversation import Patience
from scanner.engines.identify.identifier import ServiceIdentifier
from tests.engines.peers import (
    Peer,
    answering,
    ask,
    closing,
    dripping,
    flooding,
    greeting,
    peer,
    server_context,
    silent,
    slamming,
)

LOOPBACK = ip_address("127.0.0.1")
QUICK = Patience(
    connect=1, greeting=0.1, answer=0.15, tls=0.3, small_answer=0.05, lull=0.05, whole_answer=0.3, late=0.4, total=6
)


def seen(port: int, state: State = State.OPEN, transport: Transport = Transport.TCP) -> Observation:
    return Observation(Endpoint(LOOPBACK, transport, port), state, "syn-ack", datetime.now(UTC))


def identifier(
    services: Sequence[str] = (), patience: Patience = QUICK, *, permitted: bool = True
) -> ServiceIdentifier:
    return ServiceIdentifier(
        permitted=lambda _: permitted,
        limiter=ConnectionLimiter(UNLIMITED),
        services=lambda _: services,
        patience=patience,
    )


async def identified(port: int, *services: str, patience: Patience = QUICK) -> Identity:
    [found] = await identifier(services, patience).identify([seen(port)])
    assert found.identity is not None
    return found.identity


async def test_a_greeting_is_enough_and_nothing_is_asked() -> None:
    async with peer(greeting(b"SSH-2.0-OpenSSH_9.2p1\r\n")) as it:
        found = await identified(it.port)
        assert (found.name, found.product, found.version, found.conduct) == ("ssh", "OpenSSH", "9.2p1", Conduct.GREETED)
        assert found.asked == ()
        assert found.excerpt == "SSH-2.0-OpenSSH_9.2p1\\r\\n"


async def test_a_late_greeting_is_read_beside_the_first_hello() -> None:
    async with peer(greeting(b"220 (vsFTPd 3.0.3)\r\n", after=0.2)) as it:
        assert (await identified(it.port)).name == "ftp"


async def test_a_very_late_greeting_is_waited_for_at_the_end() -> None:
    patience = Patience(
        connect=1, greeting=0.02, answer=0.03, tls=0.03, small_answer=0.02, lull=0.05, late=1.5, total=9
    )
    async with peer(greeting(b"220 lab ESMTP Postfix\r\n", after=0.6)) as it:
        assert (await identified(it.port, patience=patience)).name == "smtp"


async def test_http_is_asked_on_the_connection_that_waited_for_a_greeting() -> None:
    async with peer(answering({b"GET / HTTP/1.1\r\n": b"HTTP/1.1 200 OK\r\nServer: lab/1.0\r\n\r\n"})) as it:
        found = await identified(it.port)
        assert (found.name, found.product, found.asked) == ("http", "lab", ("http",))
        assert len(it.received) == 1
        assert f"Host: {LOOPBACK}".encode() in it.received[0]


async def test_a_hint_is_asked_first_without_waiting() -> None:
    async with peer(answering({b"\0\0\0\x08\x04\xd2\x16\x2f": b"N"})) as it:
        found = await identified(it.port, "postgresql")
        assert found.name == "postgresql"
        assert found.asked[0] == "postgresql"


async def test_a_likely_answer_leads_to_the_right_question() -> None:
    async with peer(answering({b"GET": b"\5\xff", b"\5\1": b"\5\0"})) as it:
        found = await identified(it.port)
        assert (found.name, found.asked) == ("socks5", ("http", "socks5"))


async def test_an_ambiguous_greeting_is_settled_by_its_own_question() -> None:
    async def ambiguous(_: object, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 gateway ready\r\n")
        if (await reader.read(100)).startswith(b"EHLO"):
            writer.write(b"250-gateway\r\n250 SIZE 100\r\n")
            await asyncio.sleep(0.05)

    async with peer(ambiguous) as it:
        found = await identified(it.port)
        assert (found.name, found.asked) == ("smtp", ("smtp",))


async def test_https_with_its_certificate(tmp_path: Path) -> None:
    answer = answering({b"GET": b"HTTP/1.1 200 OK\r\nServer: lab/1.0\r\n\r\n"})
    async with peer(answer, server_context(tmp_path)) as it:
        found = await identified(it.port, "https")
        assert (found.name, found.product, found.encrypted) == ("https", "lab", True)
        assert found.asked == ("tls", "http")
        assert found.tls is not None
        assert found.tls.version == "TLSv1.3"
        certificate = found.tls.certificate
        assert certificate is not None
        assert (certificate.subject, certificate.issuer, certificate.self_signed) == (
            "lab.invalid",
            "lab.invalid",
            True,
        )
        assert certificate.names == ("lab.invalid",)
        assert certificate.not_before < datetime.now(UTC) < certificate.not_after


async def test_a_server_that_only_speaks_http2_is_named_so(tmp_path: Path) -> None:
    async with peer(silent, server_context(tmp_path, alpn=["h2"])) as it:
        found = await identified(it.port, "https")
        assert (found.protocol, found.name) == ("http2", "https")
        assert found.tls is not None
        assert found.tls.alpn == "h2"
        assert found.asked == ("tls", "http")


async def test_a_server_that_refuses_a_second_handshake_is_not_asked_for_ever(tmp_path: Path) -> None:
    context = server_context(tmp_path)
    accepted = 0

    def only_once(_socket: object, _name: object, _context: object) -> int | None:
        nonlocal accepted
        accepted += 1
        return None if accepted == 1 else ssl.ALERT_DESCRIPTION_INTERNAL_ERROR

    context.sni_callback = only_once
    async with peer(silent, context) as it:
        found = await identified(it.port)
        assert (found.name, found.conduct) == ("tls", Conduct.ANSWERED)
        assert accepted < 15


async def test_something_unknown_inside_tls_is_still_tls(tmp_path: Path) -> None:
    async with peer(silent, server_context(tmp_path)) as it:
        found = await identified(it.port)
        assert (found.name, found.protocol, found.encrypted) == ("tls", "", True)


async def test_a_greeting_inside_tls_is_recognised(tmp_path: Path) -> None:
    async with peer(greeting(b"* OK Dovecot ready.\r\n"), server_context(tmp_path)) as it:
        assert (await identified(it.port, "imaps")).name == "imaps"


async def test_a_peer_that_closes_without_a_byte_is_reported_so_and_asked_only_once() -> None:
    async with peer(slamming) as it:
        found = await identified(it.port)
        assert (found.conduct, found.name, found.asked) == (Conduct.CLOSED, "", ())
        assert len(it.received) == 1


async def test_a_peer_that_closes_on_every_question_ends_up_unrecognised() -> None:
    async with peer(closing) as it:
        found = await identified(it.port)
        assert (found.conduct, found.name, found.excerpt) == (Conduct.CLOSED, "", "")
        assert it.most_at_once == 1


async def test_a_silent_peer_costs_a_bounded_time_and_one_connection_at_a_time() -> None:
    async with peer(silent) as it:
        began = asyncio.get_running_loop().time()
        found = await identified(it.port)
        assert found.conduct is Conduct.SILENT
        assert asyncio.get_running_loop().time() - began < QUICK.total + 1
        assert it.most_at_once <= 2  # the old one may still be closing
        assert len(it.received) < 80


async def test_an_unknown_peer_gets_six_hellos_at_most_whatever_it_does_with_them(tmp_path: Path) -> None:
    for behave in (silent, closing, answering({b"": b"\1\2\3"})):
        async with peer(behave) as it:
            found = await identified(it.port)
            assert found.name == ""
            assert len(found.asked) <= 6
            assert len(it.received) <= 13  # a silent peer of the test notes each hello, and that we left
    async with peer(silent, server_context(tmp_path)) as it:
        assert len((await identified(it.port)).asked) <= 6


async def test_a_hint_for_everything_is_no_leave_to_ask_everything() -> None:
    async with peer(closing) as it:
        assert len((await identified(it.port, "ssh", *HELLOS)).asked) <= 6


async def test_an_error_page_for_a_foreign_question_is_followed_by_the_real_one() -> None:
    answers = {
        b"GET / HTTP/1.1": b"HTTP/1.1 200 OK\r\nServer: lab/1.0\r\n\r\n<title>Hi</title>",
        b"": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    }
    async with peer(answering(answers)) as it:
        found = await identified(it.port, "postgresql")
        assert (found.name, found.product, found.version, found.detail) == ("http", "lab", "1.0", "title: Hi")
        assert found.asked == ("postgresql", "http")


async def test_a_page_that_names_another_protocol_is_followed_by_the_question_of_that_protocol() -> None:
    page = b"HTTP/1.0 501 Tor is not an HTTP Proxy\r\n\r\n<html><title>Tor is not an HTTP Proxy</title>"
    async with peer(answering({b"GET": page, b"\5\1": b"\5\0"})) as it:
        found = await identified(it.port)
        assert (found.name, found.detail, found.asked) == ("socks5", "no authentication", ("http", "socks5"))
    async with peer(answering({b"GET": page})) as it:
        found = await identified(it.port)
        assert (found.name, found.product, found.asked) == ("socks5", "Tor", ("http", "socks5"))


async def test_where_the_real_question_is_not_answered_the_error_page_still_names_the_protocol() -> None:
    async with peer(answering({b"GET": b"", b"": b"HTTP/1.1 400 Bad Request\r\n\r\n"})) as it:
        found = await identified(it.port, "postgresql")
        assert (found.name, found.asked) == ("http", ("postgresql", "http"))


async def test_what_must_be_asked_about_a_greeting_is_asked_on_its_connection() -> None:
    async def vnc(it: Peer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"RFB 003.008\n")
        if await ask(it, reader) == b"RFB 003.008\n":
            writer.write(b"\1\1")
            await asyncio.sleep(0.05)

    async with peer(vnc) as it:
        found = await identified(it.port)
        assert (found.name, found.detail, found.asked) == ("vnc", "no authentication", ("vnc",))
        assert it.received == [b"RFB 003.008\n"]


async def test_session_tickets_are_no_answer(tmp_path: Path) -> None:
    """The first byte over TLS comes after the tickets and a lull."""

    async def slow(it: Peer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await ask(it, reader)
        await asyncio.sleep(0.3)
        writer.write(b"HTTP/1.1 200 OK\r\nServer: lab/1.0\r\n\r\n")
        await writer.drain()
        await asyncio.sleep(0.1)

    patience = replace(QUICK, answer=1.0)
    async with peer(slow, server_context(tmp_path)) as it:
        found = await identified(it.port, "https", patience=patience)
        assert (found.name, found.product, found.asked) == ("https", "lab", ("tls", "http"))


async def test_a_first_byte_over_tls_that_comes_very_late_is_waited_for_at_the_end(tmp_path: Path) -> None:
    async def late(it: Peer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if (await ask(it, reader)).startswith(b"GET"):
            await asyncio.sleep(0.5)
            writer.write(b"HTTP/1.1 200 OK\r\nServer: lab/1.0\r\n\r\n")
            await writer.drain()
            await asyncio.sleep(0.1)

    patience = replace(QUICK, late=2.0)
    async with peer(late, server_context(tmp_path)) as it:
        found = await identified(it.port, "https", patience=patience)
        assert (found.name, found.product) == ("https", "lab")


async def test_a_dripping_peer_costs_one_connection_and_keeps_a_short_excerpt() -> None:
    async with peer(dripping) as it:
        found = await identified(it.port)
        assert found.conduct is Conduct.GREETED
        assert found.name == ""
        assert set(found.excerpt) == {"a"}
        assert len(found.excerpt) < 40


async def test_a_flood_is_read_only_to_the_limit() -> None:
    async with peer(flooding) as it:
        found = await identified(it.port)
        assert len(found.excerpt) <= LONGEST
        assert "\x1b" not in found.excerpt
        assert it.sent < 8 * 1024 * 1024


async def test_a_port_that_has_closed_meanwhile_is_refused() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        found = await identified(held.getsockname()[1])
    assert (found.conduct, found.name) == (Conduct.REFUSED, "")


async def test_the_deadline_keeps_what_was_learnt() -> None:
    patience = Patience(greeting=0.05, answer=0.05, tls=0.05, small_answer=5, total=0.5)
    async with peer(silent) as it:
        found = await identified(it.port, patience=patience)
        assert found.conduct is Conduct.SILENT
        assert "http" in found.asked


async def test_trouble_of_our_own_is_not_blamed_on_the_peer(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_more(*_: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr("scanner.engines.identify.conversation.socket.socket", no_more)
    assert (await identified(9)).conduct is Conduct.NOT_ASKED


async def test_without_open_endpoints_nothing_happens() -> None:
    observations = [seen(9, State.CLOSED), seen(53, State.OPEN, Transport.UDP)]
    before = asyncio.all_tasks()
    assert await identifier().identify(observations) is observations
    assert asyncio.all_tasks() == before


async def test_out_of_scope_nothing_is_connected() -> None:
    async with peer(silent) as it:
        observations = [seen(it.port)]
        assert await identifier(permitted=False).identify(observations) is observations
        assert it.received == []


async def test_order_and_other_observations_are_kept() -> None:
    async with peer(greeting(b"SSH-2.0-a\r\n")) as one, peer(greeting(b"RFB 003.008\n")) as two:
        mixed = [seen(two.port), seen(4, State.FILTERED), seen(one.port), seen(two.port)]
        found = await identifier().identify(mixed)
        assert [each.endpoint for each in found] == [each.endpoint for each in mixed]
        assert [each.identity.name if each.identity else None for each in found] == ["vnc", None, "ssh", "vnc"]
        assert found[2].evidence == "ssh (a)"


async def test_an_inquiry_that_is_cancelled_leaves_no_connection_behind() -> None:
    async with peer(silent) as it:
        task = asyncio.create_task(identifier().identify([seen(it.port)]))
        while not it.now:
            await asyncio.sleep(0.005)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        async with asyncio.timeout(2):
            while it.now:
                await asyncio.sleep(0.005)
        assert it.now == 0


async def test_waiting_for_the_limiter_takes_nothing_from_the_time_for_the_peer() -> None:
    async with peer(greeting(b"SSH-2.0-a\r\n")) as it:
        asker = ServiceIdentifier(
            permitted=lambda _: True,
            limiter=ConnectionLimiter(Limits(rate=2.5, host_rate=None)),
            patience=replace(QUICK, total=0.3),
        )
        found = await asker.identify([seen(it.port)] * 3)
        assert [each.identity.name for each in found if each.identity] == ["ssh"] * 3
