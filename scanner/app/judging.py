"""What judges: registry, policy, overlays and rules, read in one place and put together in one place.

Every command that judges (a sweep, `reclassify`, `listening`, the library) gets its judge from `judge_for`, so that the
same observation means the same everywhere.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from scanner.app.options import FilePath
from scanner.core.errors import Warn
from scanner.core.policy.policy import Policy
from scanner.core.registry.overlays import Overlays
from scanner.core.registry.registry import Registry, age_warning
from scanner.core.rules.classify import RULES, Judge
from scanner.core.rules.rule import Rule


@dataclass(frozen=True, slots=True)
class Judging:
    """Everything that a judgement rests on."""

    registry: Registry
    """The IANA registry, or a copy of it."""
    overlays: Overlays
    """What is known of ports besides the registry."""
    policy: Policy | None = None
    """What is expected where."""
    rules: tuple[Rule, ...] = ()
    """Rules of the caller's, asked after the built-in ones."""


def read_judging(
    registry: "FilePath | Registry | None",
    policy: "FilePath | Policy | None",
    *,
    now: datetime,
    warn: Warn,
    rules: tuple[Rule, ...] = (),
) -> Judging:
    """Read what judges; values that are read already are taken as they are. `now` is aware.

    Raises:
        RegistryUnusable, InvalidInput: a file that cannot be used, with its place.
    """
    from scanner.registry.overlays import bundled_overlays

    table = registry if isinstance(registry, Registry) else read_registry(registry, now=now, warn=warn)
    return Judging(table, bundled_overlays(), read_policy_file(policy, table, warn=warn, rules=rules), rules)


def read_registry(path: FilePath | None, *, now: datetime, warn: Warn) -> Registry:
    """Return the registry in a file, or the one in use; a damaged copy or an old registry is warned about.

    Raises:
        RegistryUnusable: `path` is not a whole registry.
    """
    from scanner.registry.source import load_registry

    registry = load_registry(Path(path) if path is not None else None, warn=warn)
    if warning := age_warning(registry.identity, now.date()):
        warn(warning)
    return registry


def read_policy_file(
    policy: "FilePath | Policy | None", registry: Registry, *, warn: Warn, rules: tuple[Rule, ...] = ()
) -> Policy | None:
    """Return the policy in a file, its host names resolved; a name without address is warned about.

    Raises:
        InvalidInput: with file, line and key.
    """
    if policy is None or isinstance(policy, Policy):
        return policy
    from scanner.app.policy_names import addresses_of
    from scanner.config.policy import read_policy

    ids = {rule.id for rule in (*RULES, *rules)}
    return read_policy(Path(policy), lambda: registry, resolve=addresses_of(warn), rules=ids)


def judge_for(judging: Judging) -> Judge:
    """Return the judge. Nothing else makes one."""
    return Judge(judging.registry, judging.policy, judging.overlays, judging.rules)
