"""All questions, and which of them a port is asked.

A port may have several questions: each is sent at every try, because a service that ignores one may answer another.
The first answer counts, so the most telling question goes first.
A port without any gets an empty datagram: what matters there is whether the host says "closed".
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial

from scanner.core.recognise.identity import ProtocolMatch
from scanner.core.udp.clocks import CLOCKS
from scanner.core.udp.directory import DIRECTORY
from scanner.core.udp.local import LOCAL
from scanner.core.udp.management import MANAGEMENT, snmp_get
from scanner.core.udp.names import NAME_SERVICES
from scanner.core.udp.question import Payload, Question
from scanner.core.udp.quiet_ports import may_be_asked
from scanner.core.udp.routing_games import ROUTING_AND_GAMES
from scanner.core.udp.tunnels import TUNNELS
from scanner.core.udp.voice import VOICE

QUESTIONS: tuple[Question, ...] = (
    *NAME_SERVICES,
    *CLOCKS,
    *MANAGEMENT,
    *VOICE,
    *TUNNELS,
    *DIRECTORY,
    *LOCAL,
    *ROUTING_AND_GAMES,
)
"""Every question, those that guess credentials too."""

EMPTY = Payload(b"")
"""What a port without a question is sent."""


@dataclass(frozen=True)
class Catalogue:
    """The questions of one sweep."""

    communities: tuple[bytes, ...] = ()
    """SNMP communities that the user asked to be tried."""

    @cached_property
    def by_port(self) -> Mapping[int, tuple[Question, ...]]:
        """Return the questions of each port that has any."""
        found: dict[int, tuple[Question, ...]] = {}
        for question in (*self._credentials(), *(each for each in QUESTIONS if not each.credential)):
            for port in filter(partial(may_be_asked, question.protocol), question.ports):
                found[port] = (*found.get(port, ()), question)
        return found

    @property
    def ports(self) -> tuple[int, ...]:
        """Return the ports that have a question, ascending."""
        return tuple(sorted(self.by_port))

    @cached_property
    def everything(self) -> tuple[Question, ...]:
        """Return every question once."""
        return tuple(dict.fromkeys(question for questions in self.by_port.values() for question in questions))

    def of(self, port: int) -> tuple[Question, ...]:
        """Return the questions of a port; none where it is sent an empty datagram."""
        return self.by_port.get(port, ())

    def recognise(self, answer: bytes) -> ProtocolMatch | None:
        """Recognise an answer from a port without a question, or in another protocol than was asked."""
        found = (question.read(answer) for question in self.everything)
        return next((match for match in found if match is not None and match.certain), None)

    def _credentials(self) -> tuple[Question, ...]:
        return tuple(
            replace(question, payload=snmp_get(community, version))
            for question in QUESTIONS
            if question.credential
            for community in self.communities
            for version in (1, 0)
        )
