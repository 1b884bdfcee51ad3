"""What a protocol is to us: one row that says everything, from which every table is derived.

A row names the protocol, the registered names that mean it, the question that it may be asked, the recognisers of
what it sends, and what an auditor wants to know of it. `catalogue.py` collects the rows; hints, order, names and rules
read them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from scanner.core.recognise.recogniser import Recogniser


class ProtocolKind(StrEnum):
    """What a protocol is for."""

    WEB = "web"
    MAIL = "mail"
    FILES = "files"
    DATABASE = "database"
    """Holds the data of applications; meant for those, not for every host."""
    MESSAGES = "messages"
    LOGIN = "login"
    """A login that is protected by design: SSH."""
    REMOTE_CONTROL = "remote-control"
    """A login, or a mere connection, gives control of the host, and the protocol protects it badly."""
    DIRECTORY = "directory"
    """Names, directories and locators of other services."""
    NETWORK = "network"
    """Routing, tunnels and proxies."""
    MEDIA = "media"
    CHAT = "chat"
    CONTROLLER = "controller"
    """Machines and buildings: a careless question may move something."""
    TOOL = "tool"
    """Build, monitoring and middleware."""
    SIMPLE = "simple"
    """Test services of the early Internet."""


@dataclass(frozen=True, slots=True)
class Hello:
    """The smallest harmless question of a protocol. It logs in nowhere, writes nothing, starts nothing that stays."""

    payload: bytes = b""
    """The bytes that are sent; empty where they depend on the host (`http`) or on the greeting, or a library speaks."""
    answers: tuple[Recogniser, ...] = ()
    """Recognisers that are only right for answers to this question."""
    after_greeting: bool = False
    """Whether to wait for the peer's greeting before asking."""
    reply: Callable[[bytes], bytes] | None = None
    """Makes the bytes from the greeting, where they depend on it."""
    tells_more: bool = False
    """Whether the answer is worth having even where the greeting is recognised: it shows whether a login is needed."""
    name: str = ""
    """The protocol's name; filled from its row."""


@dataclass(frozen=True, slots=True)
class Protocol:
    """One row."""

    name: str
    """Our word for the protocol, as `Identity.protocol` gives it."""
    kind: ProtocolKind
    """What it is for."""
    source: str
    """The specification that the bytes were taken from."""
    iana_names: str = ""
    """The registered names (lower case, separated by spaces) that mean it, with or without TLS."""
    tls_names: str = ""
    """Those of the registered names that promise TLS from the first byte."""
    default_ports: tuple[int, ...] = ()
    """TCP ports on which its makers put it, where the registry's names do not already say so."""
    hello: Hello | None = None
    """Its question; None where its server speaks first, or where none is harmless."""
    recognise: tuple[Recogniser, ...] = ()
    """Recognisers that are specific enough for anything a peer sends, the most telling first."""
    greets_first: bool = False
    """Whether its server speaks before it is asked."""
    plain_text: bool = False
    """Whether it carries passwords or commands unencrypted unless TLS is put around it."""

    @property
    def names(self) -> frozenset[str]:
        """The registered names that mean it."""
        return frozenset(self.iana_names.split()) | frozenset(self.tls_names.split())

    @property
    def database(self) -> bool:
        """Whether it gives access to the data of applications."""
        return self.kind is ProtocolKind.DATABASE

    @property
    def remote_control(self) -> bool:
        """Whether it gives control of a host."""
        return self.kind is ProtocolKind.REMOTE_CONTROL
