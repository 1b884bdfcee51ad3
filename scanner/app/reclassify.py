"""Judge a stored sweep anew, by today's registry and policy, and say which findings that changes.

Nothing is sent. An exception whose last day has passed counts no more, and a policy is read as its file is now.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from scanner.app.judging import Judging, judge_for, read_judging
from scanner.app.options import FilePath
from scanner.core.diff import Basis, Difference
from scanner.core.errors import Warn
from scanner.core.model import Judged, RegistryIdentity
from scanner.history.compare import compare_judged
from scanner.version import __version__

if TYPE_CHECKING:
    from scanner.core.policy.policy import Policy
    from scanner.core.registry.registry import Registry
    from scanner.history.store import Store
    from scanner.history.stored import StoredSweep


@dataclass(frozen=True, slots=True)
class Reclassification:
    """A stored sweep as today's registry and policy judge it."""

    registry: RegistryIdentity
    """The registry that judged."""
    judged: Iterator[Judged]
    """The sweep's observations, judged anew, by address and port. Read from the history as they are asked for."""
    changes: Iterator[Difference]
    """Which findings that adds, removes or cannot confirm. Independent of `judged`."""


def reclassify(
    store: "Store",
    sweep: "StoredSweep",
    *,
    registry: "FilePath | Registry | None" = None,
    policy: "FilePath | Policy | None" = None,
    now: datetime | None = None,
    warn: Warn = lambda _: None,
) -> Reclassification:
    """Return a stored sweep judged anew.

    Without a registry the one in use judges; without a policy the file that the sweep was judged by, as it is now.
    `now` (aware) decides which exceptions have ended, by default the present.

    Raises:
        RegistryUnusable, InvalidInput: a file that cannot be used, with its place.
    """
    now = now or datetime.now(UTC)
    judging = read_judging(registry, policy or _policy_of(sweep), now=now, warn=warn)
    judging = replace(judging, policy=judging.policy and judging.policy.as_of_day(now))
    changes = compare_judged(store, sweep, _again(store, sweep, judging), _basis(judging, sweep))
    return Reclassification(judging.registry.identity, _again(store, sweep, judging), changes)


def _again(store: "Store", sweep: "StoredSweep", judging: Judging) -> Iterator[Judged]:
    judge = judge_for(judging)
    return (judge.judge(each.observation) for each in store.judged(sweep))


def _policy_of(sweep: "StoredSweep") -> str | None:
    """Return the file of the policy that judged a sweep; what it says today counts."""
    policy = sweep.settings.get("options", {}).get("policy")
    return str(policy) if policy else None


def _basis(judging: Judging, sweep: "StoredSweep") -> Basis:
    policy = judging.policy.identity if judging.policy else ""
    return Basis(sweep.info.started, judging.registry.identity.sha256, policy, __version__)
