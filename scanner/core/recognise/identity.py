"""What speaks at an open endpoint: values only.

There is an `Identity` once a service was asked, even where nothing was recognised: how the peer behaved
(`Conduct`) is a finding of its own. LZR (Izhikevich, Teixeira, Durumeric, USENIX Security 2021) found that 16
to 40 % of the SYN-ACKs of an Internet scan come from something that never acknowledges data.

Every text in here comes from the network: it is bounded (`LONGEST`), but not made inert. Outputs do that.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

LONGEST = 200
"""Characters that any text from a peer is cut to."""


NO_AUTHENTICATION = "no authentication"
"""The detail of a service that served us although we showed no credentials."""
AUTHENTICATION_REQUIRED = "authentication required"
"""The detail of a service that wants credentials first."""


class Conduct(StrEnum):
    """The behaviour of a peer, whatever it said."""

    GREETED = "greeted"
    """It spoke first."""
    ANSWERED = "answered"
    """It spoke when it was asked."""
    SILENT = "silent"
    """It took our bytes and said nothing."""
    CLOSED = "closed"
    """It ended every conversation without a word."""
    UNACKNOWLEDGED = "unacknowledged"
    """It completed the handshake but acknowledged none of our bytes: hardly a service, likely a middlebox."""
    REFUSED = "refused"
    """It accepts no connection any more."""
    NOT_ASKED = "not-asked"
    """Nothing was sent: we could not connect (no file descriptor, no source port), or the port is one that must not be
    asked (`recognise/do_not_ask.py`); `Identity.detail` then says why."""


@dataclass(frozen=True, slots=True)
class ProtocolMatch:
    """The result of a recogniser."""

    protocol: str
    """Our word for the protocol: `ssh`, `http`, `postgresql` ... One word for one thing, see `recognise/names.py`."""
    product: str = ""
    """The software, where it says so."""
    version: str = ""
    """Its version, where it says so."""
    detail: str = ""
    """One more telling fact: a title, "authentication required", a protocol version."""
    certain: bool = True
    """False where the bytes only make the protocol likely: asking that protocol's own question decides."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """The facts of an X.509 certificate that an auditor asks for."""

    subject: str
    """Common name of the subject, or its whole name where it has none."""
    names: tuple[str, ...]
    """DNS names and addresses it is valid for; a few at most."""
    issuer: str
    """Common name of the issuer, or its whole name where it has none."""
    not_before: datetime
    """Start of validity; aware, UTC."""
    not_after: datetime
    """End of validity; aware, UTC."""
    self_signed: bool
    """Whether subject and issuer are the same name."""
    sha256: str
    """Hex digest of the certificate's DER form."""


@dataclass(frozen=True, slots=True)
class Tls:
    """The result of the TLS handshake."""

    version: str
    """`TLSv1.2`, `TLSv1.3` ..., empty where the handshake did not get as far."""
    cipher: str = ""
    """The cipher suite's name."""
    alpn: str = ""
    """The application protocol the peer chose: `h2`, `http/1.1`, or empty."""
    certificate: Certificate | None = None
    """The peer's own certificate, where it sent one that can be read."""
    problem: str = ""
    """The reason why the handshake failed, if it did."""


@dataclass(frozen=True, slots=True)
class Identity:
    """The service behind an open endpoint, as far as it is known."""

    conduct: Conduct
    """Its behaviour."""
    protocol: str = ""
    """Our word for the protocol inside any TLS; empty where it was not recognised."""
    product: str = ""
    """The software, where it says so."""
    version: str = ""
    """Its version, where it says so."""
    detail: str = ""
    """One more telling fact."""
    tls: Tls | None = None
    """The TLS around the protocol, or None where it speaks in the clear."""
    excerpt: str = ""
    """The first bytes it sent, backslash-escaped and cut; empty where it sent none."""
    asked: tuple[str, ...] = ()
    """The hellos that were sent, in their order."""

    @property
    def encrypted(self) -> bool:
        """Return whether the protocol runs inside TLS."""
        return self.tls is not None

    @property
    def words(self) -> str:
        """A line for people: `https (nginx 1.22.1, TLSv1.3)`."""
        if self.conduct is Conduct.NOT_ASKED and self.detail:
            return f"Not asked: {self.detail}"
        inside = " ".join(word for word in (self.product, self.version) if word)
        facts = ", ".join(fact for fact in (inside, self.detail, self.tls.version if self.tls else "") if fact)
        name = self.name or f"unrecognised, {self.conduct.value}"
        return f"{name} ({facts})" if facts else name

    @property
    def name(self) -> str:
        """Protocol and encryption as one word: `ssh`, `https`, `imaps`, `tls`, `mqtt over tls`."""
        if self.tls is None:
            return self.protocol
        return WITH_TLS.get(self.protocol, f"{self.protocol} over tls" if self.protocol else "tls")


WITH_TLS: Mapping[str, str] = MappingProxyType(
    {
        "http": "https",
        "http2": "https",
        "imap": "imaps",
        "pop3": "pop3s",
        "smtp": "smtps",
        "ldap": "ldaps",
        "ftp": "ftps",
        "irc": "ircs",
        "mqtt": "mqtts",
        "amqp": "amqps",
        "dns": "dns over tls",
    }
)
"""The usual word for a protocol inside TLS, where there is one."""


def excerpt(data: bytes) -> str:
    r"""The first bytes as text of at most `LONGEST` characters: printable ASCII as it is, the rest as `\xNN`."""
    shown = data[:LONGEST].decode("latin-1").encode("unicode_escape").decode("ascii")
    return shown if len(shown) <= LONGEST else shown[: LONGEST - 3] + "..."


def cut(text: str) -> str:
    """A text from the network without the surrounding white space, at most `LONGEST` characters."""
    text = " ".join(text.split())
    return text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."
