"""Finding out what speaks at one endpoint: which connection to open next, and what was learnt on each.

Every hello gets a connection of its own, one at a time. The first also listens for a greeting. Once TLS has
answered, the rest of the inquiry happens inside it: the same hellos over another channel. How the peer
behaved is remembered whatever it says, because that is all there is to tell of one that says nothing.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from scanner.core.model import Endpoint
from scanner.core.recognise import binary
from scanner.core.recognise.hellos import TLS, Hello, http_request, recognise
from scanner.core.recognise.identity import Conduct, Identity, ProtocolMatch, Tls, excerpt
from scanner.core.recognise.order import hinted, next_hello, speaks_first
from scanner.engines.identify.conversation import Conversation, Ending, LocalTrouble, Patience, ReadResult
from scanner.engines.identify.tls_handshake import TlsSpeaker

_ENOUGH_UNACKNOWLEDGED = 2
_ENOUGH_REFUSALS = 2


class Channel(Protocol):
    """Where words go: a connection, or TLS inside one."""

    async def say(self, data: bytes) -> bool:
        """Send all of `data`; False where the peer no longer takes it."""
        ...

    async def hear(self, first: float) -> ReadResult:
        """Read one answer; `first` is how many seconds to wait for its first byte."""
        ...


class Inquiry:
    """What is learnt of one endpoint, as it is learnt."""

    def __init__(
        self,
        endpoint: Endpoint,
        hostname: str,
        services: Sequence[str],
        patience: Patience,
        permit: Callable[[], Awaitable[None]],
    ) -> None:
        """`services` are names of what may be there; `permit` waits until one more connection may go."""
        self._endpoint, self._hostname = endpoint, hostname
        self._hints, self._may_greet = hinted(services), speaks_first(services)
        self._listen = self._may_greet
        self._patience, self._permit = patience, permit
        self._asked: list[str] = []
        self._sent: list[str] = []
        self._match: ProtocolMatch | None = None
        self._likely: ProtocolMatch | None = None
        self._tls: Tls | None = None
        self._alpn: tuple[str, ...] = ("h2", "http/1.1")
        self._first = b""
        self._greeted = self._answered = self._silent = self._over = False
        self._unacknowledged = self._refusals = self._conversations = 0
        self._trouble = False

    async def run(self) -> None:
        """Ask until something is recognised or enough was asked. Never raises for what a peer does."""
        while not self._over and (hello := self._next()) is not None:
            await self._connect(hello)
        if self._match is None and self._silent and not (self._first or self._over or self._trouble):
            await self._connect(None)

    def identity(self) -> Identity:
        """What is known so far."""
        match = self._match or ProtocolMatch("")
        return Identity(
            conduct=self._conduct(),
            protocol=match.protocol,
            product=match.product,
            version=match.version,
            detail=match.detail,
            tls=self._tls,
            excerpt=excerpt(self._first),
            asked=tuple(self._sent),
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
        return next_hello(
            self._hints, self._asked, self._likely, greeted=self._greeted, encrypted=self._tls is not None
        )

    async def _connect(self, hello: Hello | None) -> None:
        """One connection for one hello; None asks the most usual one again, with the most patience."""
        await self._permit()
        try:
            async with Conversation(self._endpoint.address, self._endpoint.port, self._patience) as talk:
                self._conversations += 1
                if hello is None:
                    await talk.say(self._request())
                    self._note(await talk.hear(self._patience.late), None, asked=True)
                else:
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
            await self._ask(talk, talk, hello)

    async def _inside(self, talk: Conversation, hello: Hello) -> None:
        """The handshake, and then the hello (or the first fitting one) inside it."""
        if hello.name == TLS:
            self._sent.append(TLS)
        speaker = await self._encrypt(talk)
        if hello.name == TLS or speaker is None:
            self._asked.append(hello.name)
        self._over = self._over or self._match is not None  # HTTP/2 was recognised, and nothing more will be
        if speaker is None or self._tls is None:
            return
        if self._tls.alpn == "h2" and "h2" in self._alpn:
            self._match, self._alpn = ProtocolMatch("http2"), ("http/1.1",)
            return
        inner = self._next() if hello.name == TLS else hello
        if inner is not None and await self._listened(talk, speaker):
            await self._ask(talk, speaker, inner)

    async def _encrypt(self, talk: Conversation) -> TlsSpeaker | None:
        """TLS inside the connection, or None where that is not what the peer speaks."""
        speaker = TlsSpeaker(talk, self._hostname, self._alpn)
        told = await speaker.handshake(self._patience.tls + talk.slowness)
        if isinstance(told, Tls) and (told.version or binary.tls(speaker.first)):
            if self._tls is None:
                self._tls, self._likely, self._first, self._asked = told, None, b"", []
                self._listen = self._may_greet and not told.alpn
            self._over = self._over or not told.version
            return speaker if told.version else None
        ending = told if isinstance(told, Ending) else Ending.LULL
        self._note(ReadResult(speaker.first, ending), None, asked=True)
        self._watch(talk, ending)
        return None

    async def _listened(self, talk: Conversation, channel: Channel) -> bool:
        """Wait for a greeting, once; whether there is still something to ask on this channel."""
        if not self._listen:
            return True
        self._listen = False
        heard = await channel.hear(self._patience.greeting + talk.slowness)
        self._note(heard, None)
        if not heard.data and heard.ending is not Ending.SILENCE:
            self._over = True
        return not heard.data and heard.ending is Ending.SILENCE

    async def _ask(self, talk: Conversation, channel: Channel, hello: Hello) -> None:
        self._asked.append(hello.name)
        self._sent.append(hello.name)
        before = await channel.hear(self._patience.answer) if hello.after_greeting else ReadResult(b"", Ending.SILENCE)
        if not await channel.say(hello.payload or self._request()):
            return
        patient = not hello.payload or hello.name in self._hints
        wait = self._patience.answer if patient else self._patience.small_answer
        heard = await channel.hear(wait + talk.slowness)
        self._note(ReadResult(before.data + heard.data, heard.ending), hello)
        self._watch(talk, heard.ending)

    def _request(self) -> bytes:
        return http_request(self._hostname or f"{self._endpoint.address}")

    def _note(self, heard: ReadResult, hello: Hello | None, *, asked: bool = False) -> None:
        """Remember what was said, to which question, and what it means."""
        match = recognise(heard.data, hello)
        if match is not None and (match.certain or self._match is None):
            self._learn(match)
        elif hello is not None and self._likely is not None and self._likely.protocol == hello.name:
            self._likely = None
        self._first = self._first or heard.data
        asked = asked or hello is not None
        self._greeted = self._greeted or (bool(heard.data) and not asked)
        self._answered = self._answered or bool(heard.data)
        self._silent = self._silent or (asked and not heard.data and heard.ending is Ending.SILENCE)

    def _learn(self, match: ProtocolMatch) -> None:
        if match.protocol == TLS or not match.certain:
            self._likely = match
        else:
            self._match, self._over = match, True

    def _watch(self, talk: Conversation, ending: Ending) -> None:
        """A peer whose kernel never acknowledged a byte is told apart from a silent service."""
        if ending is Ending.SILENCE and talk.unacknowledged:
            self._unacknowledged += 1
            self._over = self._over or self._unacknowledged >= _ENOUGH_UNACKNOWLEDGED
