"""What the UDP engine believes of what it hears.

An answer counts only for an endpoint that was asked and is not settled: whatever else comes is counted and forgotten,
so that duplicates and strangers cost nothing. Some protocols answer from another port (TFTP) or another address
(multicast DNS); such an answer is credited to the one endpoint that it proves to have heard, and to none where it could
be several.

An ICMP error counts only if what it quotes is what was sent. Port-unreachable from the target itself closes the port;
from any other address it is a filter's. What our own kernel reports of an address that no neighbour answers for settles
the host, once it has done so twice.
"""

from collections.abc import Iterable
from typing import Protocol

from scanner.core.plan.reasons import Reason, reason_code
from scanner.core.udp.answer import answer_meaning
from scanner.core.udp.catalogue import EMPTY, Catalogue
from scanner.core.udp.question import Question, Replies
from scanner.engines.udp.in_flight import UdpHost, UdpWave
from scanner.engines.udp.wire import Datagram, ErrorAbout, News, UdpWire

UNPROVEN = "nothing in the answer proves that it was asked for"
_MOST_IDENTITIES = 1024
"""Open ports of one wave of which the identity is kept: a host that answers on every port says nothing."""
_MOST_WANDERING = 4096
"""Endpoints among which the one is looked for that answered from elsewhere."""


class UdpSettling(Protocol):
    """Who writes down what was believed."""

    def settle(self, host: UdpHost, port: int, code: int, now: float, rtt: float | None = None) -> tuple[UdpWave, int]:
        """Record the outcome of a port that is not settled; return its wave and place."""
        ...

    def settle_host(self, host: UdpHost, code: int, now: float) -> None:
        """Record one outcome for every port of a host."""
        ...

    def found_open(self) -> None:
        """Count an open endpoint."""
        ...


class Hearing:
    """Turns news into outcomes."""

    def __init__(
        self,
        hosts: dict[str, UdpHost],
        catalogue: Catalogue,
        secret: bytes,
        settling: UdpSettling,
        wire: UdpWire,
    ) -> None:
        """Share `hosts` (by address as text) with the run, which asks them through `wire`."""
        self._wire = wire
        self._hosts, self._catalogue, self._secret, self._settling = hosts, catalogue, secret, settling
        self.strangers = 0
        """Datagrams and errors that were not believed, or came twice."""

    def hear(self, news: Iterable[News], now: float) -> None:
        """Take datagrams and errors in."""
        for each in news:
            if isinstance(each, Datagram):
                self._datagram(each, each.at or now)
            else:
                self._error(each, each.at or now)

    def _datagram(self, came: Datagram, now: float) -> None:
        host = self._hosts.get(came.address)
        if host is not None and host.is_this_machine and came.port in self._wire.own_ports():
            self._met_ourselves(host, came.port, now)
        elif host is not None and came.expected and came.port in host.places:
            self._answer(host, came.port, came, now)
        elif found := self._wandered(host, came):
            self._answer(*found, came, now)
        else:
            self.strangers += 1

    def _met_ourselves(self, host: UdpHost, port: int, now: float) -> None:
        """Settle a port that the system gave to this very scan: no other program holds it."""
        if port in host.places and host.queue.answered(port, now) is not None:
            flight, place = host.places[port]
            flight.evidence[place] = "the port is held by this scan"
            self._settling.settle(host, port, reason_code(Reason.PORT_UNREACHABLE), now)

    def _answer(self, host: UdpHost, port: int, came: Datagram, now: float) -> None:
        rtt = host.queue.answered(port, now)
        if rtt is None:
            self.strangers += 1
            return
        said = answer_meaning(self._catalogue, self._catalogue.of(port), host.token(self._secret, port), came.data)
        reason = Reason.UDP_ANSWER if said.proven else Reason.UDP_ANSWER_UNPROVEN
        self._settling.found_open()
        flight, place = host.places[port]
        if len(flight.identities) < _MOST_IDENTITIES:
            flight.identities[place] = said.identity
        facts = [] if said.proven else [UNPROVEN]
        if (came.address, came.port) != (host.text, port):
            facts.append(f"answered from {came.address} port {came.port}")
        if facts:
            flight.evidence[place] = "; ".join(facts)
        self._settling.settle(host, port, reason_code(reason), now, rtt)

    def _wandered(self, host: UdpHost | None, came: Datagram) -> tuple[UdpHost, int] | None:
        """Return the endpoint that answers from elsewhere, if there is exactly one that this could be."""
        if host is not None:
            replies = (Replies.ANY_PORT, Replies.ANY_ADDRESS)
            found = [(host, port) for port in host.wandering if self._may_be(host, port, came, replies)]
        else:
            found = [
                (other, port)
                for other in list(self._hosts.values())[:_MOST_WANDERING]
                for port in other.wandering
                if self._may_be(other, port, came, (Replies.ANY_ADDRESS,))
            ]
        return found[0] if len(found) == 1 else None

    def _may_be(self, host: UdpHost, port: int, came: Datagram, replies: tuple[Replies, ...]) -> bool:
        """Return whether a question asked there may be answered from elsewhere by this."""
        asked = [question for question in self._catalogue.of(port) if question.replies in replies]
        if not asked or not host.tries.get(port):
            return False
        if came.to and came.to != self._wire.source_port(host.address, port):
            return False
        token = host.token(self._secret, port)
        return any(_fits(question, token, came, same_host=came.address == host.text) for question in asked)

    def _error(self, came: ErrorAbout, now: float) -> None:
        host = self._hosts.get(came.address)
        if host is None or came.reason is Reason.ICMP_OTHER or not self._is_quoted(host, came):
            self.strangers += 1
            return
        if came.sender and came.sender in host.sources and not host.is_this_machine:
            self._kernel_says(host, came.reason, now)
            return
        own = came.sender in ("", host.text)
        rtt = host.queue.told(came.port, now)
        if rtt is None or came.port not in host.places:
            self.strangers += 1
            return
        closed = own and came.reason is Reason.ICMP_PORT_UNREACHABLE
        reason = Reason.PORT_UNREACHABLE if closed else came.reason
        flight, place = host.places[came.port]
        if not own:
            flight.evidence[place] = f"from {came.sender}"
        self._settling.settle(host, came.port, reason_code(reason), now, rtt)

    def _kernel_says(self, host: UdpHost, reason: Reason, now: float) -> None:
        """Note what this machine's kernel says of an address: no neighbour has it, or a local firewall rejects it."""
        if reason is Reason.ICMP_HOST_UNREACHABLE and host.reported(reason):
            self._settling.settle_host(host, reason_code(Reason.HOST_UNREACHABLE), now)

    def _is_quoted(self, host: UdpHost, came: ErrorAbout) -> bool:
        """Return whether an error quotes the start of what was sent there, or nothing of it."""
        if not came.quoted and came.header is None:
            return True
        token = host.token(self._secret, came.port)
        payloads = [question.payload for question in self._catalogue.of(came.port)] or [EMPTY]
        return any(came.is_about(payload.of(token)) for payload in payloads)


def _fits(question: Question, token: bytes, came: Datagram, *, same_host: bool) -> bool:
    """Return whether an answer from elsewhere is one to this question, by its token or its form and address."""
    if question.proof is not None:
        return question.is_proven_by(token, came.data)
    return same_host and question.read(came.data) is not None
