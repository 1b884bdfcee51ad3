"""What is known of a port besides the registry: its usual occupants, its past, and how to look for oneself.

Sections of the page about a port (`port_page.py`). They come after what the registry says, under headings that
say whose word it is: none of this is a claim about the registry.
"""

from collections.abc import Iterator
from functools import lru_cache
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from scanner.core.model import Transport
from scanner.core.registry.overlays import Overlays, Threat, Usual
from scanner.core.sanitise import sanitise

if TYPE_CHECKING:
    from scanner.cli.views.port_page import Page

_WIDTH = 78
_MOST = 12


@lru_cache(maxsize=1)
def _overlays() -> Overlays:
    from scanner.registry.overlays import bundled_overlays

    return bundled_overlays()


def _usual(page: "Page") -> list[Usual]:
    return [entry for key in page.keys for entry in _overlays().usual.get(key, ())]


def _threats(page: "Page") -> list[Threat]:
    return [entry for key in page.keys for entry in _overlays().threats.get(key, ())]


def de_facto(page: "Page") -> Iterator[str]:
    """What is commonly found there."""
    entries = _usual(page)
    if entries:
        yield "Commonly found here, whatever the registry says:"
    for entry in entries[:_MOST]:
        yield from _item(f"{entry.product} ({entry.port.transport}): {entry.use}", entry.source)


def history(page: "Page") -> Iterator[str]:
    """The port's past."""
    entries = _threats(page)
    if entries:
        yield "Known from attacks (a past is no proof of a present):"
    for entry in entries[:_MOST]:
        what = f"{entry.name} ({entry.port.transport}): {entry.kind.value}, {entry.year}"
        yield from _item(what, entry.source)


def look_yourself(page: "Page") -> Iterator[str]:
    """How to see what listens there."""
    if page.port == 0:
        return
    yield "See for yourself:"
    yield f"  scanner listening {page.port:<12} which process of this machine listens there"
    asks = {
        Transport.TCP: f"scanner scan HOST -p {page.port} --identify",
        Transport.UDP: f"scanner scan HOST -p U:{page.port}",
    }
    for transport in filter(asks.__contains__, page.transports):
        yield f"  {asks[transport]:<39} what speaks there by {transport.upper()}"


def if_open(page: "Page") -> Iterator[str]:
    """What to do about it."""
    if page.port == 0:
        return
    yield "If it is open and you don't know why:"
    yield from _step("1. Find the process and its program (`scanner listening`), on the host itself.")
    yield from _step("2. Find who installed it, and when: the package manager, the unit file, the owner.")
    yield from _step("3. Wanted: write it into the policy, with owner and reason, so that it is expected next time.")
    yield from _step("4. Not wanted: stop it, keep it from starting again, and close the port in the firewall.")
    yield from _step(
        "5. Nobody knows it: keep the evidence (process, file and its hash, connections) before you stop it, and treat "
        "the host as suspect."
    )


def overlay_fields(page: "Page") -> dict[str, Any]:
    """Both lists' entries for the page, ready for JSON."""
    return {
        "de_facto": [
            {
                "transport": entry.port.transport,
                "product": entry.product,
                "protocol": entry.protocol,
                "use": entry.use,
                "source": entry.source,
            }
            for entry in _usual(page)
        ],
        "threat_history": [
            {
                "transport": entry.port.transport,
                "name": entry.name,
                "kind": entry.kind,
                "year": entry.year,
                "source": entry.source,
            }
            for entry in _threats(page)
        ],
        "overlays_date": _overlays().date.isoformat(),
    }


def _item(what: str, source: str) -> list[str]:
    return wrap(sanitise(f"{what} [{source}]"), _WIDTH, initial_indent="  ", subsequent_indent="      ")


def _step(text: str) -> list[str]:
    return wrap(text, _WIDTH, initial_indent="  ", subsequent_indent="     ")
