"""A TLS handshake with an unknown peer, to learn what it presents. Nothing is verified, and nothing is trusted.

The standard library's `ssl` works on two memory buffers; the bytes travel through a `Conversation`, so that its bounds
hold here too. TLS 1.0 and weak ciphers are offered as well: an auditor wants to see them.
"""

import asyncio
import ssl
from functools import lru_cache

from scanner.core.recognise.certificate import certificate_facts
from scanner.core.recognise.identity import Tls, cut
from scanner.engines.identify.conversation import Conversation, Ending, ReadResult

_LIMIT = 64 * 1024
_PIECE = 16 * 1024


class TlsSpeaker:
    """TLS inside one conversation: a handshake, then the same `send` and `read` as in the clear."""

    def __init__(self, conversation: Conversation, server_name: str, alpn: tuple[str, ...]) -> None:
        """`server_name` is sent as SNI unless empty; `alpn`: the application protocols offered."""
        self._talk = conversation
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = _context(alpn).wrap_bio(self._in, self._out, server_hostname=server_name or None)
        self.first = b""
        """The first bytes of the peer as they came, TLS or not."""

    async def handshake(self, wait: float) -> Tls | Ending:
        """Return what the handshake shows; or, where nothing like TLS came back, how the peer ended it.

        `wait` is how many seconds each answer may take.
        """
        taken = 0
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                await self._flush()
            except (ssl.SSLError, ValueError) as error:
                await self._flush()
                return Tls(version="", problem=_problem(error))
            else:
                await self._flush()
                return self._facts()
            piece = await self._talk.read_piece(wait, _PIECE)
            if isinstance(piece, Ending):
                return piece
            self.first = self.first or piece
            taken += len(piece)
            if taken > _LIMIT:
                return Tls(version="", problem="the handshake is larger than any real one")
            self._in.write(piece)

    async def send(self, data: bytes) -> bool:
        """Send `data` inside TLS; return False where the peer no longer takes it."""
        try:
            self._tls.write(data)
        except ssl.SSLError:
            return False
        return await self._flush()

    async def read(self, first: float) -> ReadResult:
        """Read what the peer sends inside TLS; `first` as in `Conversation.read`, until the first byte in clear text.

        Session tickets (RFC 8446 4.6.1) come before the first byte and are no answer, so they end no waiting.
        """
        clear, taken, loop = b"", 0, asyncio.get_running_loop()
        deadline = loop.time() + first
        while True:
            result = await self._talk.read(max(deadline - loop.time(), 0))
            taken += len(result.data)
            clear, ended = self._decrypt(result)
            if ended:
                return ReadResult(clear, Ending.CLOSED)
            if clear or result.ending is not Ending.LULL or taken > _LIMIT:
                return ReadResult(clear, result.ending if clear or not result.data else Ending.SILENCE)

    def _decrypt(self, result: ReadResult) -> tuple[bytes, bool]:
        """Return the clear text of what was read, and whether the peer ended TLS."""
        self._in.write(result.data)
        if result.ending in (Ending.CLOSED, Ending.RESET):
            self._in.write_eof()
        clear = b""
        try:
            while piece := self._tls.read(_PIECE):
                clear += piece
        except ssl.SSLWantReadError:
            return clear, False
        except ssl.SSLError:
            return clear, True
        return clear, True

    async def _flush(self) -> bool:
        data = self._out.read()
        return await self._talk.send(data) if data else True

    def _facts(self) -> Tls:
        cipher, der = self._tls.cipher(), self._tls.getpeercert(binary_form=True)
        return Tls(
            version=self._tls.version() or "",
            cipher=cipher[0] if cipher else "",
            alpn=self._tls.selected_alpn_protocol() or "",
            certificate=certificate_facts(der) if der else None,
        )


@lru_cache(maxsize=4)
def _context(alpn: tuple[str, ...]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.set_ciphers("ALL:@SECLEVEL=0")
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context


def _problem(error: Exception) -> str:
    """Return the name OpenSSL gives to what went wrong: `sslv3 alert handshake failure`, say."""
    reason = getattr(error, "reason", None)
    return cut(str(reason).replace("_", " ").lower() if reason else type(error).__name__)
