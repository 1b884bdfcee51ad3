"""`scanner reclassify ID`: a stored sweep, judged by today's registry and policy. No packet is sent."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scanner.cli import options as opt

if TYPE_CHECKING:
    from scanner.core.diff import Basis
    from scanner.core.policy.policy import Policy
    from scanner.core.registry.registry import Registry
    from scanner.core.rules.classify import Judge
    from scanner.history.stored import StoredSweep

SWEEP_HELP = "Sweep ID, beginning of an ID, last, or last~1."


def reclassify_command(
    sweep: Annotated[str, typer.Argument(metavar="ID", help=SWEEP_HELP)],
    history: opt.HistoryFile = None,
    policy: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Policy file (default: the one that the sweep used, as it is now)."),
    ] = None,
    registry: opt.RegistryFile = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON lines.")] = False,
    csv: Annotated[bool, typer.Option("--csv", help="Write CSV.")] = False,
) -> None:
    """Judge a stored sweep by today's registry and policy, and show which findings that changes.

    If a later sweep covers the same endpoints, what changed on the network since then is listed separately.
    """
    from scanner.app.sweep_history import open_store
    from scanner.cli.views.changes_view import one_format, print_changes
    from scanner.core.diff import Because
    from scanner.history.compare import compare, compare_judged

    one_format(as_json=as_json, csv=csv)
    with open_store(history) as store:
        stored = store.sweep(sweep)
        judge = _judge(registry, policy or _policy_of(stored))
        again = (judge.judge(each.observation) for each in store.judged(stored))
        changes = compare_judged(store, stored, again, _basis(judge, stored))
        title = f"{stored.id}, judged by the registry of {judge.registry.identity.date}"
        print_changes(changes, as_json=as_json, csv=csv, title=title)
        later = store.after(stored)
        if later is None or as_json or csv:
            return
        sys.stdout.write(f"\nOn the network since, according to sweep {later.id}:\n")
        network = (each for each in compare(store, stored, later) if each.because is Because.NETWORK)
        print_changes(network, as_json=False, csv=False, title=f"from {stored.id} to {later.id}, on the network")


def _policy_of(stored: "StoredSweep") -> Path | None:
    """Return the file of the policy that judged the sweep; what it says today counts."""
    path = stored.settings.get("options", {}).get("policy")
    return Path(path) if path else None


def _basis(judge: "Judge", stored: "StoredSweep") -> "Basis":
    from scanner import __version__
    from scanner.core.diff import Basis

    policy = judge.policy.identity if judge.policy else ""
    return Basis(stored.info.started, judge.registry.identity.sha256, policy, __version__)


def _judge(registry: Path | None, policy: Path | None) -> "Judge":
    from scanner.app.assembly import warn_on_stderr
    from scanner.core.rules.classify import Judge
    from scanner.registry.overlays import bundled_overlays
    from scanner.registry.source import load

    table = load(registry, warn=warn_on_stderr)
    return Judge(table, _policy(table, policy), bundled_overlays())


def _policy(table: "Registry", policy: Path | None) -> "Policy | None":
    from scanner.app.assembly import warn_on_stderr
    from scanner.app.policy_names import addresses_of
    from scanner.config.policy import read_policy
    from scanner.core.rules.classify import RULES

    if policy is None:
        return None
    ids = {rule.id for rule in RULES}
    read = read_policy(policy, lambda: table, resolve=addresses_of(warn_on_stderr), rules=ids)
    return read.as_of_day(datetime.now(UTC))
