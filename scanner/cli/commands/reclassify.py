"""`scanner reclassify ID`: an old sweep, judged by today's registry and policy. No packet is sent."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scanner.cli import options as opt

if TYPE_CHECKING:
    from scanner.core.policy.policy import Policy
    from scanner.core.registry.registry import Registry
    from scanner.history.store import StoredSweep


def reclassify_command(
    sweep: Annotated[str, typer.Argument(metavar="ID", help="Its id, the beginning of it, last, or last~1.")],
    history: opt.HistoryFile = None,
    policy: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The policy; without, the file that judged the sweep, as it is today."),
    ] = None,
    registry: opt.RegistryFile = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON lines.")] = False,
    csv: Annotated[bool, typer.Option("--csv", help="CSV.")] = False,
) -> None:
    """Judge a stored sweep by today's registry and policy, and say what that changes.

    Where a later sweep looked at the same endpoints, what changed on the network since is told apart.
    """
    from scanner.app.sweep_history import open_store
    from scanner.cli.commands.diff import show_changes
    from scanner.core.rules.classify import Judge
    from scanner.history.compare import compare, compare_judged

    store = open_store(history)
    with store.database:
        stored = store.sweep(sweep)
        table, rules = _judges(registry, policy or _policy_of(stored))
        judge = Judge(table, rules)
        again = (judge.judge(each.observation) for each in store.judged(stored))
        title = f"{stored.id}, judged by the registry of {table.identity.date}"
        show_changes(compare_judged(store, stored, again), as_json=as_json, csv=csv, title=title)
        later = store.after(stored)
        if later is None or as_json or csv:
            return
        sys.stdout.write(f"\nOn the network since, as sweep {later.id} saw it:\n")
        network = (each for each in compare(store, stored, later) if each.because == "network")
        show_changes(network, as_json=False, csv=False, title=f"from {stored.id} to {later.id}, on the network")


def _policy_of(stored: "StoredSweep") -> Path | None:
    """The file of the policy that judged the sweep; what it says today is what counts."""
    path = stored.settings.get("options", {}).get("policy")
    return Path(path) if path else None


def _judges(registry: Path | None, policy: Path | None) -> "tuple[Registry, Policy | None]":
    from scanner.app.assembly import warn_on_stderr
    from scanner.app.policy_names import addresses_of
    from scanner.config.policy import read_policy
    from scanner.core.rules.classify import RULES
    from scanner.registry.source import load

    table = load(registry, warn=warn_on_stderr)
    if policy is None:
        return table, None
    ids = {rule.id for rule in RULES}
    read = read_policy(policy, lambda: table, resolve=addresses_of(warn_on_stderr), rules=ids)
    return table, read.as_of_day(datetime.now(UTC))
