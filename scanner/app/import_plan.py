"""From a survey of a foreign file to the plan and the words of the sweep that it becomes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice

from scanner.app.assembly import shortened
from scanner.app.judging import Judging
from scanner.app.planning import default_ports
from scanner.core.errors import InvalidInput
from scanner.core.model import Coverage
from scanner.core.plan.plan import Plan
from scanner.core.report import SweepInfo
from scanner.core.targets.ports import FIRST, LAST, PortSet, parse_port_words, port_words
from scanner.core.targets.targets import HostName, TargetSet, Word, parse_target
from scanner.imports.survey import Survey
from scanner.version import __version__


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """The plan of a sweep that was made elsewhere."""

    plan: Plan
    """Its plan."""
    by_host: bool
    """Whether each wave is a host; otherwise there is one wave."""
    coverage: Coverage | None
    """What was covered, where the file says it for the whole."""
    reasons: Mapping[str, int] = field(default_factory=dict)
    """How many endpoints have each reason, likewise."""


def plan_of_survey(survey: Survey, judging: Judging, name: str) -> ImportPlan:
    """Return the plan. `name` is what errors call the file.

    Raises:
        InvalidInput: the file speaks of no host, no port, or more of them than a plan can hold.
    """
    if not survey.targets:
        raise InvalidInput("holds no host and no port", where=name, cure="was anything found?")
    if not survey.ports:
        raise InvalidInput("holds no ports, only hosts", where=name, cure="scan ports, not only hosts (nmap -sn)")
    if not survey.by_host and (known := _own_plan(survey, judging)):
        return known
    ports = survey.ports if survey.by_host or survey.heading.ports else _whole_ranges(survey.ports)
    size = len(ports) if survey.by_host else survey.targets.size * len(ports)
    try:
        return ImportPlan(_plan(survey.targets, ports, size), survey.by_host, None)
    except ValueError as error:
        raise InvalidInput(str(error), where=name, cure="split the file") from None


def _plan(targets: TargetSet, ports: PortSet, wave_size: int) -> Plan:
    return Plan(targets, ports.tcp, 0, wave_size=wave_size, udp_ports=ports.udp, sequential=True)


def _whole_ranges(ports: PortSet) -> PortSet:
    """Return every port of the transports that occur: a file that lists what was found may have asked any of them.

    Were only the listed ports planned, all of them would be known, and the sweep would look complete.
    """
    every = tuple(range(FIRST, LAST + 1))
    return PortSet(every if ports.tcp else (), every if ports.udp else ())


def _own_plan(survey: Survey, judging: Judging) -> ImportPlan | None:
    """Return the plan that one of our own files tells in words; None where it does not tell all."""
    heading = survey.heading
    if not (heading.targets and heading.port_words and heading.coverage):
        return None
    try:
        spans = [parse_target(Word(word, "targets")) for word in heading.targets.split()]
        ports = _ports(heading.port_words, judging)
    except InvalidInput:
        return None
    if any(isinstance(each, HostName) for each in spans):
        return None
    targets = TargetSet(span for each in spans if not isinstance(each, HostName) for span in each)
    size = targets.size * len(ports)
    if size != heading.coverage.planned:
        return None
    return ImportPlan(_plan(targets, ports, size), by_host=False, coverage=heading.coverage, reasons=heading.reasons)


def _ports(words: str, judging: Judging) -> PortSet:
    if words == "default":
        return default_ports()
    return parse_port_words([Word(word, "ports") for word in words.split()], lambda: judging.registry)


def info_of_survey(survey: Survey, planned: ImportPlan, judging: Judging, *, name: str, digest: str) -> SweepInfo:
    """Return what is said of the sweep. Its id follows from the file, so that the same file is imported once."""
    plan, heading = planned.plan, survey.heading
    command = f"`{shortened([heading.words])}` " if heading.words else ""
    tool = heading.tool or "unknown"
    return SweepInfo(
        sweep_id=f"{survey.first:%Y%m%dT%H%M%SZ}-{digest[:8]}",
        started=survey.first,
        version=__version__,
        targets=shortened([str(span) for span in plan.targets.ranges[:50]]),
        ports=shortened([*islice(port_words(PortSet(plan.ports, plan.udp_ports)), 100)]),
        addresses=plan.targets.size,
        ports_per_address=plan.ports_per_address,
        udp_ports_per_address=len(plan.udp_ports),
        engine=tool.split()[0],
        engine_why=f"imported from {name} (sha256 {digest[:12]}), made by {command}{tool}",
        seed=plan.seed,
        shard=str(plan.shard),
        registry=judging.registry.identity,
        policy=judging.policy.identity if judging.policy else "",
    )
