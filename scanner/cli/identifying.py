"""What asks open ports what they are, and what screens out hosts that answer on everything, made for a sweep."""

import secrets
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from scanner.core.model import Address, Transport
from scanner.core.overlays import Overlays
from scanner.core.pacing import Limits
from scanner.core.registry import Registry

if TYPE_CHECKING:
    from scanner.engines.host_screen import HostScreen
    from scanner.engines.identify import Identifier


def make_identifier(
    registry: Registry, overlays: Overlays, limits: Limits, permitted: Callable[[Address], bool]
) -> "Identifier":
    """Asks at the sweep's pace, first what the registry and the de-facto list suggest for a port."""
    from scanner.engines.identify import Identifier

    return Identifier(permitted=permitted, limits=limits, services=services_of(registry, overlays))


def make_screen(limits: Limits, permitted: Callable[[Address], bool], ports_per_address: int) -> "HostScreen":
    """Tests suspects on ports that nobody can foretell."""
    from scanner.engines.host_screen import HostScreen

    return HostScreen(
        permitted=permitted, limits=limits, ports_per_address=ports_per_address, secret=secrets.token_bytes(16)
    )


def services_of(registry: Registry, overlays: Overlays) -> Callable[[int], Sequence[str]]:
    """From a TCP port to the names of what may be there, the registered ones first."""

    def services(port: int) -> Sequence[str]:
        usual = (entry.protocol for entry in overlays.usual_at(Transport.TCP, port) if entry.protocol)
        return (*registry.lookup(Transport.TCP, port).names, *usual)

    return services
