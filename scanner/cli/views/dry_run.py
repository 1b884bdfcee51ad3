"""`--dry-run`: the plan in a few lines, and nothing sent or written. It costs the same for a host and for 10.0.0.0/8.

Everything that a run would read is read, so that what would be refused is refused here; where results would go is
looked at without touching it.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Any

from scanner.app.assembly import shortened
from scanner.app.estimate import Persistence, TimeRange, time_range
from scanner.app.exit_status import FailOn
from scanner.app.options import FilePath, ScanOptions, shown_words
from scanner.app.planning import PlannedSweep
from scanner.app.rate_split import UNTESTED
from scanner.core.errors import HistoryUnusable, OutputFailed
from scanner.core.path.retries import NEVER_ANSWERED
from scanner.core.policy.policy import EntryKind, Policy, Standing
from scanner.core.rate.limits import UNLIMITED, Limits, packets_of
from scanner.core.sanitise import sanitise
from scanner.core.udp.host_queue import NEIGHBOUR_WAIT, QUESTION_GAP, QUESTION_TRIES
from scanner.core.udp.icmp_bound import seconds_to_tell
from scanner.engines.choose import EngineName
from scanner.engines.udp.sources import sources_from
from scanner.files.atomic import write_problem
from scanner.outputs.destination import STANDARD_OUTPUT
from scanner.outputs.lines import json_line
from scanner.outputs.quantities import counted, duration

SAMPLE = 5
_PATH_LENGTH = 4096
_SHORT = 10
_ENTRIES = MappingProxyType({EntryKind.EXPECT: "expectation", EntryKind.EXCEPTION: "exception"})


def show_plan(planned: PlannedSweep, *, as_json: bool, files: Sequence[Path] = (), makes_folders: bool = False) -> None:
    """Write the plan to standard output; `files` are what a run would write, with or without making their folders.

    Raises:
        OutputFailed: one of the files could not be written, said after the plan.
    """
    if as_json:
        sys.stdout.write(json_line("plan", _facts(planned) | {"files": list(map(str, files))}))
    else:
        places = [_place(path, makes_folders=makes_folders) for path in files]
        sys.stdout.writelines(f"{line}\n" for line in [*_lines(planned), *_results(planned, places)])
    for path in files:
        if problem := _problem(path, makes_folders=makes_folders):
            raise OutputFailed(f"{sanitise(str(path))}: cannot be written: {sanitise(problem)}")


def _facts(planned: PlannedSweep) -> dict[str, Any]:
    plan, limits = planned.prepared.plan, planned.limits
    return {
        "addresses": plan.targets.size,
        "ports_per_address": plan.ports_per_address,
        "planned": plan.size,
        "excluded": planned.prepared.excluded,
        "waves": plan.waves,
        "shard": str(plan.shard),
        "seed": plan.seed,
        "rate": limits.rate,
        "host_rate": limits.host_rate,
        "seconds": _seconds(planned),
        "first": [str(endpoint) for endpoint in _first(planned)],
        "names": {name: list(addresses) for name, addresses in planned.prepared.resolved.items()},
        "registry_date": planned.judging.registry.identity.date,
        "scope": planned.scope.identity if planned.scope else None,
        "policy": planned.judging.policy.identity if planned.judging.policy else None,
    }


def _lines(planned: PlannedSweep) -> Iterator[str]:
    facts = _facts(planned)
    yield "Nothing was sent. This is what would be probed:"
    yield f"  targets    {counted(facts['addresses'], 'address', 'addresses')}: {_ranges(planned)}"
    for name, addresses in facts["names"].items():
        yield f"  name       {name} is {', '.join(addresses)}"
    ports = shortened(shown_words(planned.options.ports)) or "the default ports"
    yield f"  ports      {facts['ports_per_address']:,} of each address: {ports}"
    if udp := len(planned.prepared.plan.udp_ports):
        yield f"  udp        {counted(udp, 'port')} of these: {_udp_words(planned, udp)}"
    yield f"  endpoints  {facts['planned']:,} in {counted(facts['waves'], 'wave')}, {facts['excluded']:,} excluded"
    yield f"  order      seed {facts['seed']}, shard {facts['shard']}, beginning with {', '.join(facts['first'])}"
    yield f"  rate       {_pace(planned.limits)}"
    if (kept := planned.split.questions) and kept != UNLIMITED:
        yield f"  questions  {_pace(kept)}: kept of that for questions to open ports"
    if planned.split.untested:
        yield f"  note       {UNTESTED}"
    yield f"  time       {_time_words(_times(planned))}"
    if planned.options.identify:
        yield "             and what questions to open ports take (--identify)"
    yield f"  scope      {facts['scope'] or 'none needed: loopback and private networks'}"
    if planned.judging.policy is not None:
        yield f"  policy     {_policy_words(planned.judging.policy, planned.started.date())}"


def _udp_words(planned: PlannedSweep, ports: int) -> str:
    """Return how long a host takes to report closed UDP ports, and when it is left alone."""
    if planned.prepared.only_loopback:
        return "this machine reports closed ones at once"
    sources = max(1, len(sources_from(planned.options.source)))
    by4, by6 = (duration(seconds_to_tell(ports, version, sources)) for version in (4, 6))
    patience = duration(_udp_patience(planned.options))
    return f"a default Linux host reports closed ones in {by4} by IPv4, {by6} by IPv6; each gets {patience}"


def _udp_patience(options: ScanOptions) -> float:
    from scanner.engines.udp.engine import PATIENCE

    return PATIENCE if options.udp_patience is None else options.udp_patience


def files_of(options: ScanOptions) -> list[Path]:
    """Return the files that a scan would write."""
    paths = [request.path for request in options.outputs if request.path not in STANDARD_OUTPUT]
    return [Path(path).absolute() for path in (*paths, *([options.pcap] if options.pcap else []))]


def _results(planned: PlannedSweep, places: Sequence[str]) -> Iterator[str]:
    """Yield where results would go, and what the exit status would say."""
    options = planned.options
    for place in places:
        yield f"  output     {place}"
    if options.no_history:
        yield "  history    none is kept"
    else:
        yield f"  history    {_history_place(options.history)}"
    new = "new " if options.fail_on_new else ""
    findings = "" if options.fail_on is FailOn.NONE else f"1 {new}findings from {options.fail_on} on; "
    yield f"  exit       0 nothing to report; {findings}3 not everything was covered"


def _history_place(named: FilePath | None) -> str:
    from scanner.app.sweep_history import default_history

    try:
        return _place(Path(named or default_history()).absolute(), makes_folders=True)
    except HistoryUnusable as error:
        return f"none: {error}"


def _place(path: Path, *, makes_folders: bool) -> str:
    """Return a file, with what stands in the way of writing it or is made for it."""
    problem = _problem(path, makes_folders=makes_folders)
    made = "" if path.parent.is_dir() else "its folder will be made"
    note = f"cannot be written: {problem}" if problem else made
    return sanitise(f"{path} ({note})" if note else str(path), limit=_PATH_LENGTH)


def _problem(path: Path, *, makes_folders: bool) -> str:
    """Return what stands in the way of writing a file; empty where nothing does."""
    problem = write_problem(path)
    return problem or ("" if makes_folders or path.parent.is_dir() else "its folder does not exist; make it first")


def _policy_words(policy: Policy, today: date) -> str:
    """A policy's identity, and how many of its entries are of which kind and standing."""
    kinds = [entry.kind for entry in policy.entries]
    said = [counted(kinds.count(kind), _ENTRIES[kind]) for kind in dict.fromkeys(kinds)]
    standings = [entry.standing(today) for entry in policy.entries]
    for standing, word in ((Standing.EXPIRED, "expired"), (Standing.UNREVIEWED, "not reviewed")):
        said += [f"{standings.count(standing):,} {word}"] if standing in standings else []
    if required := len(policy.required_ports):
        said.append(counted(required, "required port"))
    return sanitise(f"{policy.name}, sha256 {policy.sha256[:12]}: {', '.join(said) or 'no entries'}")


def _ranges(planned: PlannedSweep) -> str:
    ranges = planned.prepared.plan.targets.ranges
    return ", ".join(map(str, ranges[:SAMPLE])) + (
        f" and {len(ranges) - SAMPLE:,} more ranges" if ranges[SAMPLE:] else ""
    )


def _first(planned: PlannedSweep) -> list[str]:
    from dataclasses import replace

    plan = planned.prepared.plan
    wave = replace(plan, wave_size=min(SAMPLE, plan.wave_size)).wave(0)
    return [str(wave.endpoint(place)) for place in range(min(SAMPLE, len(wave)))]


def _times(planned: PlannedSweep) -> TimeRange | None:
    """The range for the engine, or for the slower one of the two that `auto` chooses from."""
    plan, probes, engine = planned.prepared.plan, planned.split.probes, planned.options.engine
    if plan.udp_ports and not plan.ports:
        return time_range(plan.size, plan.targets.size, probes, _udp_persistence(planned))
    connect, syn = _connect_persistence(planned), _syn_persistence(planned)
    ways = [(probes.shared_by(packets_of(connect.wait)), connect), (probes, syn)]
    if engine is EngineName.CONNECT or planned.prepared.only_loopback:
        ways = ways[:1]
    elif engine is not EngineName.AUTO:
        ways = ways[1:]
    if plan.udp_ports:
        ways.append((probes, _udp_persistence(planned)))
    ranges = [time_range(plan.size, plan.targets.size, *way) for way in ways]
    return max((each for each in ranges if each), key=lambda each: each.most, default=None)


def _seconds(planned: PlannedSweep) -> dict[str, float] | None:
    times = _times(planned)
    return {name: round(seconds, 3) for name, seconds in asdict(times).items()} if times else None


def _connect_persistence(planned: PlannedSweep) -> Persistence:
    from scanner.engines.connect.engine import ConnectOptions

    usual, asked = ConnectOptions(), planned.options
    wait = usual.timeout if asked.timeout is None else asked.timeout
    tries = 1 + ((usual.retries or 0) if asked.retries is None else asked.retries)
    return Persistence(tries, max(usual.retry_gap, wait), wait)


def _syn_persistence(planned: PlannedSweep) -> Persistence:
    from scanner.engines.syn.options import SynOptions

    usual, asked = SynOptions(), planned.options
    tries = (usual.attempts or NEVER_ANSWERED) if asked.retries is None else 1 + asked.retries
    return Persistence(tries, usual.spacing, usual.cooldown if asked.timeout is None else asked.timeout)


def _udp_persistence(planned: PlannedSweep) -> Persistence:
    """The tries of a question, and then as long as a host is given for telling closed ports from silent ones."""
    return Persistence(QUESTION_TRIES, QUESTION_GAP, NEIGHBOUR_WAIT + _udp_patience(planned.options))


def _time_words(times: TimeRange | None) -> str:
    if times is None:
        return "as fast as this machine can (no limit)"
    if times.most < _SHORT:
        return f"up to {duration(times.most)}"
    least, most = duration(times.least), duration(times.most)
    return f"between {least} (no hosts) and {most} (all silent); {duration(times.answered)} if all answer"


def _pace(limits: Limits) -> str:
    return f"{_rate(limits.rate)} in all, {_rate(limits.host_rate)} to one address"


def _rate(rate: float | None) -> str:
    return "no limit" if rate is None else f"{rate:,g} probes a second"
