"""`scanner reclassify ID`: a stored sweep, judged by today's registry and policy. No packet is sent."""

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from scanner.cli.flags import AsCsv, AsJson, HistoryFile, RegistryFile

if TYPE_CHECKING:
    from scanner.core.diff import Basis
    from scanner.core.rules.classify import Judge
    from scanner.history.stored import StoredSweep

SWEEP_HELP = "Sweep ID, beginning of an ID, last, or last~1."


def reclassify_command(
    sweep: Annotated[str, typer.Argument(metavar="ID", help=SWEEP_HELP)],
    history: HistoryFile = None,
    policy: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Policy file (default: the one that the sweep used, as it is now)."),
    ] = None,
    registry: RegistryFile = None,
    as_json: AsJson = False,
    csv: AsCsv = False,
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


def _policy_of(stored: "StoredSweep") -> str | None:
    """Return the file of the policy that judged the sweep; what it says today counts."""
    policy = stored.settings.get("options", {}).get("policy")
    return str(policy) if policy else None


def _basis(judge: "Judge", stored: "StoredSweep") -> "Basis":
    from scanner.core.diff import Basis
    from scanner.version import __version__

    policy = judge.policy.identity if judge.policy else ""
    return Basis(stored.info.started, judge.registry.identity.sha256, policy, __version__)


def _judge(registry: str | None, policy: str | None) -> "Judge":
    """Return today's judge; an exception whose last day has passed does not count any more."""
    from dataclasses import replace

    from scanner.app.judging import judge_for, read_judging
    from scanner.cli.streams import warn

    now = datetime.now(UTC)
    judging = read_judging(registry, policy, now=now, warn=warn)
    return judge_for(replace(judging, policy=judging.policy and judging.policy.as_of_day(now)))
