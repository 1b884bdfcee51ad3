"""The library's front door: targets and ports in, judged observations out.

`scan` is what the command line does, without the command line: the same words, the same refusals, the same
engine and rules. Whoever wants more (waves, coverage, several engines) makes a `Sweep` of the same parts.
"""

import asyncio
import secrets
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, datetime

from scanner.app.prepare import Prepared, Wanted, prepare
from scanner.app.sweep import Sweep
from scanner.core.model import Judged
from scanner.core.plan.plan import Shard
from scanner.core.policy.policy import Policy
from scanner.core.policy.required import required_places
from scanner.core.rate.limits import Limits
from scanner.core.registry.registry import Registry
from scanner.core.rules.classify import Judge
from scanner.core.targets.ports import PortSet, parse_ports
from scanner.core.targets.scope import Scope
from scanner.core.targets.targets import Word
from scanner.engines.interface import Engine


async def scan(
    targets: str | Iterable[str],
    ports: str = "1-1023",
    *,
    exclude: str | Iterable[str] = (),
    engine: Engine | None = None,
    limits: Limits | None = None,
    registry: Registry | None = None,
    policy: Policy | None = None,
    scope: Scope | None = None,
    seed: int | None = None,
) -> AsyncGenerator[Judged, None]:
    """Every open endpoint with what the rules say of it, as it is found; with a policy, also what it requires.

    `targets`, `ports` and `exclude` are words as on the command line; several words of targets may be given as one
    text separated by spaces. `engine` defaults to TCP connects within `limits` and within what `scope` allows a
    second: all of it, since nothing else sends here. `registry` defaults to the one in use. `read_policy` and
    `read_scope` read the files of the command line.

    Raises:
        InvalidInput: words that mean nothing; before any probe.
        OutOfScope: addresses that are neither loopback nor private and that `scope` does not cover; likewise.
    """
    judge = Judge(registry if registry is not None else await asyncio.to_thread(_registry), policy)
    prepared = await asyncio.to_thread(plan_for, targets, ports, exclude, judge.registry, scope, seed)
    sweep = Sweep(
        prepared.plan,
        engine or _connect(prepared, _within(limits or Limits(), scope)),
        judge,
        asked=required_places(policy) if policy else None,
        hostnames=prepared.hostnames,
        excluded=prepared.excluded,
    )
    async with aclosing(sweep.results()) as results:
        async for result in results:
            for judged in result.judged:
                yield judged


def plan_for(
    targets: str | Iterable[str],
    ports: str,
    exclude: str | Iterable[str],
    registry: Registry,
    scope: Scope | None = None,
    seed: int | None = None,
) -> Prepared:
    """The plan that words mean, checked against the scope; names are resolved, which may take a while."""
    wanted = Wanted(
        targets=_words(targets, "targets"),
        exclude=_words(exclude, "exclude"),
        ports=parse_ports(Word(ports, "ports"), lambda: registry),
        exclude_ports=PortSet(),
    )
    order = secrets.randbits(32) if seed is None else seed
    return prepare(wanted, scope, datetime.now(UTC), seed=order, shard=Shard())


def _words(texts: str | Iterable[str], where: str) -> list[Word]:
    listed = texts.split() if isinstance(texts, str) else texts
    return [Word(text, where) for text in listed]


def _registry() -> Registry:
    from scanner.registry.source import load

    return load()


def _within(limits: Limits, scope: Scope | None) -> Limits:
    if scope is None or scope.max_rate is None:
        return limits
    return replace(limits, rate=min(limits.rate or scope.max_rate, scope.max_rate))


def _connect(prepared: Prepared, limits: Limits) -> Engine:
    from scanner.engines.connect.engine import ConnectEngine, ConnectOptions

    return ConnectEngine(ConnectOptions(), limits, permitted=prepared.plan.targets.__contains__)
