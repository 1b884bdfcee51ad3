"""`--dry-run`: the plan in a few lines, and nothing sent. It costs the same for a host and for 10.0.0.0/8."""

import sys
from collections.abc import Iterator
from typing import Any

from scanner.app.assembly import Assembly, shortened
from scanner.app.rate_split import UNTESTED
from scanner.core.rate.limits import UNLIMITED, Limits, fastest
from scanner.outputs.lines import json_line
from scanner.outputs.quantities import counted, duration

SAMPLE = 5


def show_plan(assembly: Assembly, *, as_json: bool) -> None:
    """Write the plan to standard output."""
    if as_json:
        sys.stdout.write(json_line("plan", _facts(assembly)))
    else:
        sys.stdout.writelines(f"{line}\n" for line in _lines(assembly))


def _facts(assembly: Assembly) -> dict[str, Any]:
    plan, limits = assembly.prepared.plan, assembly.limits
    return {
        "addresses": plan.targets.size,
        "ports_per_address": plan.ports_per_address,
        "planned": plan.size,
        "excluded": assembly.prepared.excluded,
        "waves": plan.waves,
        "shard": str(plan.shard),
        "seed": plan.seed,
        "rate": limits.rate,
        "host_rate": limits.host_rate,
        "least_seconds": _least_seconds(assembly),
        "first": [str(endpoint) for endpoint in _first(assembly)],
        "names": {name: list(addresses) for name, addresses in assembly.prepared.resolved.items()},
        "registry_date": assembly.registry.identity.date,
        "scope": assembly.scope.identity if assembly.scope else None,
    }


def _lines(assembly: Assembly) -> Iterator[str]:
    facts = _facts(assembly)
    yield "Nothing was sent. This is what would be probed:"
    yield f"  targets    {counted(facts['addresses'], 'address', 'addresses')}: {_ranges(assembly)}"
    for name, addresses in facts["names"].items():
        yield f"  name       {name} is {', '.join(addresses)}"
    ports = shortened(assembly.options.ports) or "the default ports"
    yield f"  ports      {facts['ports_per_address']:,} of each address: {ports}"
    yield f"  endpoints  {facts['planned']:,} in {counted(facts['waves'], 'wave')}, {facts['excluded']:,} excluded"
    yield f"  order      seed {facts['seed']}, shard {facts['shard']}, beginning with {', '.join(facts['first'])}"
    yield f"  rate       {_pace(assembly.limits)}"
    if (kept := assembly.shares.questions) and kept != UNLIMITED:
        yield f"  questions  {_pace(kept)}: kept of that for questions to open ports"
    if assembly.shares.untested:
        yield f"  note       {UNTESTED}"
    if facts["least_seconds"] is not None:
        yield f"  time       {duration(facts['least_seconds'])} at least, more where nothing answers"
    yield f"  scope      {facts['scope'] or 'none needed: loopback and private networks'}"


def _ranges(assembly: Assembly) -> str:
    ranges = assembly.prepared.plan.targets.ranges
    return ", ".join(map(str, ranges[:SAMPLE])) + (
        f" and {len(ranges) - SAMPLE:,} more ranges" if ranges[SAMPLE:] else ""
    )


def _first(assembly: Assembly) -> list[str]:
    from dataclasses import replace

    plan = assembly.prepared.plan
    wave = replace(plan, wave_size=min(SAMPLE, plan.wave_size)).wave(0)
    return [str(wave.endpoint(place)) for place in range(min(SAMPLE, len(wave)))]


def _least_seconds(assembly: Assembly) -> float | None:
    plan = assembly.prepared.plan
    rate = fastest(assembly.shares.probes, plan.targets.size)
    return None if rate is None else round(plan.size / rate, 3)


def _pace(limits: Limits) -> str:
    return f"{_rate(limits.rate)} in all, {_rate(limits.host_rate)} to one address"


def _rate(rate: float | None) -> str:
    return "no limit" if rate is None else f"{rate:,g} probes a second"
