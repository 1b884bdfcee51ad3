"""Find out what speaks at one endpoint: which connection to open next, and what was learnt on each.

Every hello gets a connection of its own, one at a time, and an unknown peer gets few of them (`MOST_HELLOS`). The first
also waits for a greeting; what must be asked about the greeting is asked on the same connection. Once TLS has answered,
the rest of the inquiry happens inside it: the same hellos over another channel. The peer's conduct is remembered
whatever it sends, because of a silent peer there is nothing else to report.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Protocol

from scanner.core.model import Endpoint
from scanner.core.recognise.do_not_ask import quiet_port
from scanner.core.recognise.hellos import HELLOS, TLS, recognise
from scanner.core.recognise.http import http_request
from scanner.core.recognise.identity import Conduct, Identity, ProtocolMatch, Tls, excerpt
from scanner.core.recognise.order import MOST_HELLOS, hinted, next_hello, speaks_first
from scanner.core.recognise.protocol import Hello
from scanner.core.recognise.protocols.web import tls
from scanner.engines.identify.conversation import Conversation, Ending, LocalTrouble, Patience, ReadResult
from scanner.engines.identify.tls_handshake import TlsSpeaker

_ENOUGH_UNACKNOWLEDGED = 2
_ENOUGH_REFUSALS = 2
_LIKELY_HTTP = ProtocolMatch("http", certain=False)


class Channel(Protocol):
    """Where bytes go: a connection, or TLS inside one."""

    async def send(self, data: bytes) -> bool:
        """Send all of `data`; return False where the peer no longer takes it."""
        ...

    async def read(self, first: float) -> ReadResult:
        """Read one answer; `first`: seconds to wait for its first byte."""
        ...


class Inquiry:
    """What is learnt of one endpoint, as it is learnt."""

    def __init__(
        self,
        endpoint: Endpoint,
        hostname: str,
        services: Sequence[str],
        patience: Patience,
        wait_turn: Callable[[], Awaitable[None]],
        most: int = MOST_HELLOS,
    ) -> None:
        """`services`: names of what may be there; `wait_turn` waits until one more connection may be opened; `most`:
        hellos that are sent unless an answer leads to one more."""
        self._endpoint, self._hostname = endpoint, hostname
        self._hints, self._may_greet = hinted(services, endpoint.port), speaks_first(services)
        self._quiet, self._most = quiet_port(endpoint.port), most
        self._listen = self._may_greet
        self._patience, self._wait_turn = patience, wait_turn
        self._done_hellos: list[str] = []
        self._sent_hellos: list[str] = []
        self._match: ProtocolMatch | None = None
        self._likely: ProtocolMatch | None = None
        self._tls: Tls | None = None
        self._alpn: tuple[str, ...] = ("h2", "http/1.1")
        self._first = b""
        self._greeted = self._answered = self._silent = self._over = False
        self._unacknowledged = self._refusals = self._conversations = 0
        self._trouble = self._waits = self._patient = False

    async def run(self) -> None:
        """Send hellos until something is recognised or enough were sent. Never raises for what a peer does."""
        while not self._over and (hello := self._next()) is not None:
            await self._connect(hello)
        if self._match is None and self._waits and not (self._first or self._over or self._trouble or self._quiet):
            self._patient = True
            await self._connect(HELLOS["http"])

    def identity(self) -> Identity:
        """Return what is known so far."""
        match = self._match or ProtocolMatch("")
        return Identity(
            conduct=self._conduct(),
            protocol=match.protocol,
            product=match.product,
            version=match.version,
            detail=match.detail,
            tls=self._tls,
            excerpt=excerpt(self._first),
            asked=tuple(self._sent_hellos),
        )

    def _conduct(self) -> Conduct:
        if self._greeted:
            return Conduct.GREETED
        if self._answered or self._tls is not None:
            return Conduct.ANSWERED
        if not self._conversations:
            return Conduct.NOT_ASKED if self._trouble or not self._refusals else Conduct.REFUSED
        if self._unacknowledged >= _ENOUGH_UNACKNOWLEDGED:
            return Conduct.UNACKNOWLEDGED
        return Conduct.SILENT if self._silent else Conduct.CLOSED

    def _next(self) -> Hello | None:
        if self._quiet:
            return next((HELLOS[name] for name in self._quiet.reads if name not in self._done_hellos), None)
        enough = self._match is not None or len(self._sent_hellos) >= self._most - (self._waits and not self._first)
        if self._likely is None and enough:
            return None
        return next_hello(
            self._hints,
            self._done_hellos,
            self._likely,
            greeted=self._greeted,
            encrypted=self._tls is not None,
            waits=self._waits,
        )

    async def _connect(self, hello: Hello) -> None:
        """Open a connection for one hello."""
        await self._wait_turn()
        try:
            async with Conversation(self._endpoint.address, self._endpoint.port, self._patience) as talk:
                self._conversations += 1
                await self._converse(talk, hello)
        except LocalTrouble:
            self._trouble = self._over = True
        except OSError as error:
            self._conversations += isinstance(error, ConnectionResetError)
            self._refusals += 1
            self._over = self._refusals >= _ENOUGH_REFUSALS

    async def _converse(self, talk: Conversation, hello: Hello) -> None:
        if hello.name == TLS or self._tls is not None:
            if hello.name == TLS and self._listen and not await self._listened(talk, talk):
                return
            await self._inside(talk, hello)
        elif await self._listened(talk, talk):
            await self._send_hello(talk, talk, hello)

    async def _inside(self, talk: Conversation, hello: Hello) -> None:
        """Do the handshake, then send the hello (or the first fitting one) inside it."""
        if hello.name == TLS:
            self._sent_hellos.append(TLS)
        speaker = await self._encrypt(talk)
        if hello.name == TLS or speaker is None:
            self._done_hellos.append(hello.name)
        if speaker is None or self._tls is None:
            return
        if self._tls.alpn == "h2" and "h2" in self._alpn:
            self._match, self._alpn = ProtocolMatch("http2"), ("http/1.1",)
            self._likely = _LIKELY_HTTP
            return
        inner = self._next() if hello.name == TLS else hello
        if inner is not None and await self._listened(talk, speaker):
            await self._send_hello(talk, speaker, inner)

    async def _encrypt(self, talk: Conversation) -> TlsSpeaker | None:
        """Start TLS inside the connection; return None where the peer does not speak it."""
        speaker = TlsSpeaker(talk, self._hostname, self._alpn)
        outcome = await speaker.handshake(self._patience.tls + talk.slowness)
        if isinstance(outcome, Tls) and (outcome.version or tls(speaker.first)):
            if self._tls is None:
                self._tls, self._likely, self._first, self._done_hellos = outcome, None, b"", []
                self._waits = False
                self._listen = self._may_greet and not outcome.alpn
            self._over = self._over or not outcome.version
            return speaker if outcome.version else None
        ending = outcome if isinstance(outcome, Ending) else Ending.LULL
        self._note(ReadResult(speaker.first, ending), HELLOS[TLS])
        self._watch(talk, ending)
        return None

    async def _listened(self, talk: Conversation, channel: Channel) -> bool:
        """Wait for a greeting, once, and ask about it; return whether a hello can still be sent on this channel."""
        if not self._listen:
            return True
        self._listen = False
        result = await channel.read(self._patience.greeting + talk.slowness)
        self._note(result, None)
        if not result.data and result.ending is not Ending.SILENCE:
            self._over = True
        about = self._about_greeting()
        if about is not None and result.ending is Ending.LULL:
            await self._send_hello(talk, channel, about, result.data)
        return not result.data and result.ending is Ending.SILENCE

    def _about_greeting(self) -> Hello | None:
        """Return the question that a greeting calls for: to settle what it is, or to learn more."""
        match = self._likely or self._match
        hello = HELLOS.get(match.protocol) if match else None
        return hello if hello and hello.after_greeting and (self._likely or hello.tells_more) else None

    async def _send_hello(self, talk: Conversation, channel: Channel, hello: Hello, greeting: bytes = b"") -> None:
        """Send a hello and learn from the answer. `greeting`: what the peer said on this channel, if it did."""
        self._done_hellos.append(hello.name)
        if hello.after_greeting and not greeting:
            greeting = (await channel.read(self._patience.answer)).data
        payload = hello.reply(greeting) if hello.reply else hello.payload
        if not await channel.send(payload or self._request()):
            return
        self._sent_hellos.append(hello.name)
        result = await channel.read(self._wait_for(hello) + talk.slowness)
        if hello.name == "http":
            self._waits = result.ending is Ending.SILENCE
        self._note(ReadResult(greeting + result.data, result.ending), hello)
        self._watch(talk, result.ending)

    def _wait_for(self, hello: Hello) -> float:
        if self._patient:
            return self._patience.late
        long = not hello.payload or hello.name in self._hints
        return self._patience.answer if long else self._patience.small_answer

    def _request(self) -> bytes:
        return http_request(self._hostname or f"{self._endpoint.address}")

    def _note(self, result: ReadResult, hello: Hello | None) -> None:
        """Remember what the peer sent, after which hello, and what it means."""
        match = recognise(result.data, hello)
        if match is not None and (match.certain or self._match is None):
            self._learn(match, hello)
        elif hello is not None and self._likely is not None and self._likely.protocol == hello.name:
            self._likely = None
        self._first = self._first or result.data
        self._greeted = self._greeted or (bool(result.data) and hello is None)
        self._answered = self._answered or bool(result.data)
        self._silent = self._silent or (hello is not None and not result.data and result.ending is Ending.SILENCE)

    def _learn(self, match: ProtocolMatch, hello: Hello | None) -> None:
        if match.protocol == TLS or not match.certain:
            self._likely = match
            return
        self._match, self._likely = match, None
        own = HELLOS.get(match.protocol)
        foreign = hello is not None and hello.name != match.protocol
        if foreign and own and not own.after_greeting and own.name not in self._done_hellos:
            self._likely = replace(match, certain=False)  # it complained about a foreign question: ask its own
            return
        self._over = True

    def _watch(self, talk: Conversation, ending: Ending) -> None:
        """Tell a peer whose kernel never acknowledged a byte from a silent service."""
        if ending is Ending.SILENCE and talk.unacknowledged:
            self._unacknowledged += 1
            self._over = self._over or self._unacknowledged >= _ENOUGH_UNACKNOWLEDGED
