"""What the shell offers for values: rule ids, stored sweeps, classes of ports, interfaces, formats.

typer calls these when Tab is pressed, so that each imports what it needs only then. A value comes with a few words that
zsh and fish show beside it. Nothing here fails: where there is nothing to offer, the shell offers files.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeAlias

import typer

if TYPE_CHECKING:
    from scanner.history.store import Store
    from scanner.history.stored import StoredSweep

Offer: TypeAlias = tuple[str, str]
"""A value, and what it means in a few words."""

MOST_OFFERED_SWEEPS = 20
"""How many stored sweeps are offered, the newest first."""


def complete_rule(incomplete: str) -> Iterator[Offer]:
    """Offer the ids of rules."""
    from scanner.core.rules.classify import RULES

    return _matching(((rule.id, rule.name) for rule in RULES), incomplete)


def complete_sweep(ctx: typer.Context, incomplete: str) -> Iterator[Offer]:
    """Offer the ids of stored sweeps, from the history that the command line names."""
    known = _sweeps(ctx, lambda _store, _sweep: True)
    words = [("last", "the last one"), ("last~1", "the one before")]
    return _matching([*words[: len(known)], *known], incomplete)


def complete_unfinished(ctx: typer.Context, incomplete: str) -> Iterator[Offer]:
    """Offer the ids of sweeps that can be resumed."""
    return _matching(_sweeps(ctx, lambda store, sweep: store.unfinished(sweep)), incomplete)


def _sweeps(ctx: typer.Context, wanted: "Callable[[Store, StoredSweep], bool]") -> list[Offer]:
    from scanner.app.sweep_history import open_store
    from scanner.core.errors import ScannerError

    try:
        with open_store(_history(ctx)) as store:
            fitting = (each for each in store.sweeps() if wanted(store, each))
            return [(each.id, each.audit or each.info.targets) for each in islice(fitting, MOST_OFFERED_SWEEPS)]
    except ScannerError:
        return []


def complete_ports(incomplete: str) -> Iterator[Offer]:
    """Offer the classes of ports, after what is written before the last comma or prefix."""
    from scanner.core.model import RegistryStatus
    from scanner.core.registry.registry import RANGES

    cut = max(incomplete.rfind(","), incomplete.rfind(":")) + 1
    classes = dict.fromkeys([*(status.value for status in RegistryStatus), *(word.value for word in RANGES)])
    offers = ((f"{incomplete[:cut]}{word}", "as the registry says") for word in classes)
    return _matching(offers, incomplete)


def complete_interface(incomplete: str) -> Iterator[Offer]:
    """Offer this machine's interfaces with an address."""
    import psutil

    found = psutil.net_if_addrs().items()
    return _matching(((name, addresses[0].address if addresses else "") for name, addresses in found), incomplete)


def complete_format(incomplete: str) -> Iterator[Offer]:
    """Offer the names of formats."""
    from scanner.outputs.formats import FORMATS

    return _matching(((f"{each.name}=", each.title) for each in FORMATS), incomplete)


def _history(ctx: typer.Context) -> str | None:
    """Return the history that the words before name, for this command or the one above it."""
    contexts: list[Any] = [ctx, ctx.parent]
    named = (each.params.get("history") for each in contexts if each is not None)
    return next((str(path) for path in named if path), None)


def _matching(offers: Iterable[Offer], incomplete: str) -> Iterator[Offer]:
    return ((value, words) for value, words in offers if value.startswith(incomplete))
