"""Every protocol that we recognise over TCP, in the order in which an unknown answer is compared with them.

Families whose bytes are unmistakable come first; rows that many programs could satisfy come last.
"""

from collections.abc import Mapping
from types import MappingProxyType

from scanner.core.recognise.protocol import Protocol
from scanner.core.recognise.protocols.chat import CHAT
from scanner.core.recognise.protocols.controllers import CONTROLLERS
from scanner.core.recognise.protocols.databases import DATABASES
from scanner.core.recognise.protocols.directory import DIRECTORIES
from scanner.core.recognise.protocols.files import FILES
from scanner.core.recognise.protocols.lookups import LOOKUPS
from scanner.core.recognise.protocols.mail import MAIL
from scanner.core.recognise.protocols.media import MEDIA
from scanner.core.recognise.protocols.messages import MESSAGES
from scanner.core.recognise.protocols.monitoring import MONITORING
from scanner.core.recognise.protocols.network import NETWORK
from scanner.core.recognise.protocols.remote import REMOTE, TELNET
from scanner.core.recognise.protocols.runtimes import RUNTIMES
from scanner.core.recognise.protocols.simple import SIMPLE
from scanner.core.recognise.protocols.stores import STORES
from scanner.core.recognise.protocols.tools import TOOLS
from scanner.core.recognise.protocols.web import WEB

CATALOGUE: tuple[Protocol, ...] = (
    *RUNTIMES,
    *LOOKUPS,
    *MONITORING,
    *TOOLS,
    *WEB,
    *STORES,
    *DATABASES,
    *DIRECTORIES,
    *MESSAGES,
    *REMOTE,
    *MAIL,
    *FILES,
    *NETWORK,
    *MEDIA,
    *CHAT,
    *CONTROLLERS,
    *SIMPLE,
    *TELNET,
)
"""Every row."""

PROTOCOLS: Mapping[str, Protocol] = MappingProxyType({row.name: row for row in CATALOGUE})
"""The rows by name."""
