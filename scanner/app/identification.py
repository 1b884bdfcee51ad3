"""Makes what talks to open ports: the identifier of services, and the screen for hosts that answer on every port."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scanner.app.judging import Judging
from scanner.core.model import Address, Transport
from scanner.core.rate.limits import Limits
from scanner.core.registry.overlays import Overlays
from scanner.core.registry.registry import Registry

if TYPE_CHECKING:
    from scanner.engines.identify.answers_everywhere import AnswersEverywhereScreen
    from scanner.engines.identify.connection_limiter import ConnectionLimiter
    from scanner.engines.identify.conversation import Patience
    from scanner.engines.identify.identifier import ServiceIdentifier


@dataclass(frozen=True, slots=True)
class ConversationSettings:
    """What all conversations with open ports in one sweep have in common."""

    limiter: "ConnectionLimiter"
    """Every connection waits for it."""
    patience: "Patience"
    """How long to wait for a peer."""
    permitted: Callable[[Address], bool]
    """Whether an address is in scope."""


def conversation_settings(
    limits: Limits, timeout: float | None, permitted: Callable[[Address], bool]
) -> ConversationSettings:
    """Return settings that keep all conversations together within `limits`; `timeout` in seconds for a handshake."""
    from scanner.engines.identify.connection_limiter import ConnectionLimiter
    from scanner.engines.identify.conversation import Patience

    patience = Patience() if timeout is None else Patience(connect=timeout)
    return ConversationSettings(ConnectionLimiter(limits.shared_by(patience.packets)), patience, permitted)


def make_identifier(judging: Judging, how: ConversationSettings) -> "ServiceIdentifier":
    """Return an identifier that first tries what the registry and the de-facto list suggest for a port."""
    from scanner.engines.identify.identifier import ServiceIdentifier

    services = services_of(judging.registry, judging.overlays)
    return ServiceIdentifier(permitted=how.permitted, limiter=how.limiter, services=services, patience=how.patience)


def make_screen(how: ConversationSettings, ports_per_address: int) -> "AnswersEverywhereScreen":
    """Return a screen that tests suspects on ports that no one can foretell."""
    from scanner.engines.identify.answers_everywhere import AnswersEverywhereScreen

    return AnswersEverywhereScreen(
        permitted=how.permitted,
        limiter=how.limiter,
        ports_per_address=ports_per_address,
        secret=secrets.token_bytes(16),
        patience=how.patience,
    )


def services_of(registry: Registry, overlays: Overlays) -> Callable[[int], Sequence[str]]:
    """Return a function from a TCP port to the names of services that may be there, the registered ones first."""

    def services(port: int) -> Sequence[str]:
        usual = (entry.protocol for entry in overlays.usual_at(Transport.TCP, port) if entry.protocol)
        return (*registry.lookup(Transport.TCP, port).names, *usual)

    return services
