"""What asks open ports what they are, and what screens out hosts that answer on everything, made for a sweep."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

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
class Asking:
    """What all who ask open ports in one sweep have in common."""

    limiter: "ConnectionLimiter"
    """Every connection waits for it."""
    patience: "Patience"
    """How long they wait."""
    permitted: Callable[[Address], bool]
    """Whether an address is in scope."""


def asking(limits: Limits, timeout: float | None, permitted: Callable[[Address], bool]) -> Asking:
    """Within `limits` for all of them together; `timeout` is how many seconds to wait for a handshake, if said."""
    from scanner.engines.identify.connection_limiter import ConnectionLimiter
    from scanner.engines.identify.conversation import Patience

    patience = Patience() if timeout is None else Patience(connect=timeout)
    return Asking(ConnectionLimiter(limits.shared_by(patience.packets)), patience, permitted)


def make_identifier(registry: Registry, overlays: Overlays, how: Asking) -> "ServiceIdentifier":
    """Asks first what the registry and the de-facto list suggest for a port."""
    from scanner.engines.identify.identifier import ServiceIdentifier

    services = services_of(registry, overlays)
    return ServiceIdentifier(permitted=how.permitted, limiter=how.limiter, services=services, patience=how.patience)


def make_screen(how: Asking, ports_per_address: int) -> "AnswersEverywhereScreen":
    """Tests suspects on ports that nobody can foretell."""
    from scanner.engines.identify.answers_everywhere import AnswersEverywhereScreen

    return AnswersEverywhereScreen(
        permitted=how.permitted,
        limiter=how.limiter,
        ports_per_address=ports_per_address,
        secret=secrets.token_bytes(16),
        patience=how.patience,
    )


def services_of(registry: Registry, overlays: Overlays) -> Callable[[int], Sequence[str]]:
    """From a TCP port to the names of what may be there, the registered ones first."""

    def services(port: int) -> Sequence[str]:
        usual = (entry.protocol for entry in overlays.usual_at(Transport.TCP, port) if entry.protocol)
        return (*registry.lookup(Transport.TCP, port).names, *usual)

    return services
