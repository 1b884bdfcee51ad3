"""What a UDP question is: bytes to send, where the keyed token goes in them, and what an answer says.

UDP has no handshake: anyone who guesses an address and two ports can send an "answer". So a question carries eight
keyed bytes (the token) wherever its protocol has a field that comes back unchanged, and only an answer that brings
them back is proof. The answer is also the service's identity: there is no second conversation as with TCP.

A question must be harmless. `broken_rules` states how, and a test holds every row of the catalogue to it: an
answer is at most eight times as large as its question or 512 bytes, and credentials are only in rows marked so.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TypeAlias

from scanner.core.recognise.identity import ProtocolMatch

TOKEN_BYTES = 8
"""Bytes of the keyed token of an endpoint."""
MOST_AMPLIFICATION, SMALL_ANSWER = 8, 512
"""An answer may be so many times as large as its question, or so many bytes."""

Reader: TypeAlias = Callable[[bytes], ProtocolMatch | None]
"""An answer in; what it says of the service out, or None where it is no answer in this protocol."""


class Form(Enum):
    """How token bytes are written."""

    RAW = auto()
    """As they are."""
    HEX = auto()
    """Two lower-case hexadecimal digits a byte."""
    DIGITS = auto()
    """One decimal digit a byte, none of them 0."""


@dataclass(frozen=True, slots=True)
class Token:
    """A part of the endpoint's token, as a field of a protocol."""

    width: int = TOKEN_BYTES
    """How many of its bytes."""
    form: Form = Form.RAW
    """How they are written."""
    keep: int = 0xFF
    """The bits of the first byte that are kept."""
    put: int = 0
    """The bits of the first byte that are set."""

    @property
    def size(self) -> int:
        """Return how many bytes it takes in the datagram."""
        return self.width * (2 if self.form is Form.HEX else 1)

    @property
    def bits(self) -> int:
        """Return how many bits of proof it is."""
        if self.form is Form.DIGITS:
            return int(self.width * 3.17)
        return 8 * self.width - (8 - (self.keep & ~self.put & 0xFF).bit_count())

    def write(self, token: bytes) -> bytes:
        """Return the field's bytes for the token of an endpoint."""
        part = bytes([token[0] & self.keep | self.put]) + token[1 : self.width]
        match self.form:
            case Form.HEX:
                return part.hex().encode()
            case Form.DIGITS:
                return bytes(0x31 + byte % 9 for byte in part)
            case _:
                return part


@dataclass(frozen=True, slots=True)
class Payload:
    """The bytes of a question, and where the token goes."""

    data: bytes
    """The bytes, zero where the token goes."""
    slots: tuple[tuple[int, Token], ...] = ()
    """Offsets and tokens."""

    def of(self, token: bytes) -> bytes:
        """Return the datagram for an endpoint with this token."""
        if not self.slots:
            return self.data
        made = bytearray(self.data)
        for offset, slot in self.slots:
            made[offset : offset + slot.size] = slot.write(token)
        return bytes(made)


def compose(*parts: bytes | Token) -> Payload:
    """Return a payload from its parts in order."""
    data, slots = b"", []
    for part in parts:
        if isinstance(part, Token):
            slots.append((len(data), part))
            data += bytes(part.size)
        else:
            data += part
    return Payload(data, tuple(slots))


@dataclass(frozen=True, slots=True)
class Proof:
    """Where the token comes back."""

    token: Token
    """What comes back."""
    at: int | None = None
    """At which offset of the answer; None for anywhere in it."""

    def holds(self, token: bytes, answer: bytes) -> bool:
        """Return whether an answer brings the token of its endpoint back."""
        wanted = self.token.write(token)
        if self.at is None:
            return wanted in answer
        return answer[self.at : self.at + len(wanted)] == wanted


class Replies(Enum):
    """From where an answer may come."""

    SAME_PORT = auto()
    """From the very endpoint that was asked."""
    ANY_PORT = auto()
    """From another port of the same address (TFTP, RFC 1350 4)."""
    ANY_ADDRESS = auto()
    """From another address of the same machine (mDNS, SSDP)."""


@dataclass(frozen=True, slots=True)
class Question:
    """One question, and how to read what comes back."""

    protocol: str
    """Our word for the protocol."""
    ports: tuple[int, ...]
    """The ports at which it is asked by default."""
    payload: Payload
    """What is sent."""
    read: Reader = field(repr=False)
    """What an answer says."""
    largest: int
    """Bytes of the largest answer that servers give."""
    source: str
    """The specification that it was written from."""
    proof: Proof | None = None
    """Where the token comes back; None where the protocol echoes nothing."""
    services: tuple[str, ...] = ()
    """IANA's names for the service, whatever the port."""
    replies: Replies = Replies.SAME_PORT
    """From where the answer may come."""
    credential: bool = False
    """Whether it guesses a credential. Such a question is asked only on demand."""

    def is_proven_by(self, token: bytes, answer: bytes) -> bool:
        """Return whether an answer brings the token back."""
        return self.proof is not None and self.proof.holds(token, answer)


def broken_rules(question: Question) -> Iterator[str]:
    """Yield the rules that a question breaks, in words."""
    size = len(question.payload.data)
    if question.largest > max(MOST_AMPLIFICATION * size, SMALL_ANSWER):
        yield f"amplifies: {size} bytes may bring {question.largest}"
    if size > 1232:
        yield f"{size} bytes may be fragmented (RFC 8200 5)"
    if question.proof is not None and not question.payload.slots:
        yield "proves by a token that it does not send"
    if not question.source:
        yield "names no specification"
    if not question.ports:
        yield "is asked nowhere"
