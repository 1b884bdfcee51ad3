"""From options to a job: the one place where concrete engines, outputs and judges are put together."""

import secrets
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from math import isfinite
from typing import TYPE_CHECKING

from scanner import __version__
from scanner.app.engine import ChosenEngine, make_engine
from scanner.app.identification import Asking, asking, make_identifier, make_screen
from scanner.app.job import Job
from scanner.app.prepare import Prepared, Wanted, parse_shard, prepare
from scanner.app.rate_split import UNTESTED, RateSplit, split_rate
from scanner.app.saved_options import saved_settings
from scanner.app.sweep import Asked, Earlier, Sweep
from scanner.cli.options import ScanOptions
from scanner.core.errors import InvalidInput
from scanner.core.model import Address
from scanner.core.plan.plan import wave_size_for
from scanner.core.policy.policy import Policy
from scanner.core.policy.required import required_places
from scanner.core.rate.limits import UNLIMITED, Limits, fastest
from scanner.core.registry.overlays import Overlays
from scanner.core.registry.registry import Registry, age_warning
from scanner.core.report import SweepInfo
from scanner.core.rules.classify import RULES, Judge
from scanner.core.targets.ports import PortSet, parse_port_words
from scanner.core.targets.scope import Scope
from scanner.files.words import argument_words, file_words
from scanner.outputs.fan_out import FanOut
from scanner.outputs.interface import Output

if TYPE_CHECKING:
    from scanner.app.sweep_history import SweepHistory
    from scanner.engines.identify.identifier import ServiceIdentifier


class Assembly:
    """Everything a sweep needs, made from options; each part when it is first asked for."""

    def __init__(self, options: ScanOptions, *, now: datetime, warn: Callable[[str], None]) -> None:
        self.options, self.now, self.warn = options, now, warn

    @cached_property
    def registry(self) -> Registry:
        """The registry that judges."""
        from scanner.registry.source import load

        registry = load(self.options.registry, warn=self.warn)
        if warning := age_warning(registry.identity, self.now.date()):
            self.warn(warning)
        return registry

    @cached_property
    def policy(self) -> Policy | None:
        """What is expected."""
        if self.options.policy is None:
            return None
        from scanner.app.policy_names import addresses_of
        from scanner.config.policy import read_policy

        rules = {rule.id for rule in RULES}
        return read_policy(self.options.policy, self._registry, resolve=addresses_of(self.warn), rules=rules)

    @cached_property
    def memory(self) -> "SweepHistory | None":
        """The history, if it is wanted."""
        if self.options.no_history:
            return None
        from scanner.app.sweep_history import SweepHistory

        return SweepHistory(self.options.history, audit=self.options.audit, warn=warn_on_stderr)

    @cached_property
    def scope(self) -> Scope | None:
        """What the scope file permits."""
        if self.options.scope is None:
            return None
        from scanner.config.scope import read_scope

        return read_scope(self.options.scope)

    @cached_property
    def seed(self) -> int:
        """The order of the probes."""
        if self.options.seed is not None:
            return self.options.seed
        if self.options.shard != "1/1":
            raise InvalidInput("shards must share an order", where="--shard", cure="give every shard the same --seed")
        return secrets.randbits(32)

    @cached_property
    def prepared(self) -> Prepared:
        """The plan, checked against the scope."""
        shard = parse_shard(self.options.shard)
        made = prepare(self._wanted(), self.scope, self.now, seed=self.seed, shard=shard)
        size = wave_size_for(fastest(self._limits(made), made.plan.targets.size))
        return replace(made, plan=replace(made.plan, wave_size=size))

    @property
    def limits(self) -> Limits:
        """How fast probes may go, whoever sends them."""
        return self._limits(self.prepared)

    @property
    def shares(self) -> RateSplit:
        """What the engine gets of that, and what those who ask open ports."""
        return split_rate(self.limits, len(self.prepared.plan.ports), identify=self.options.identify)

    def _limits(self, prepared: Prepared) -> Limits:
        """What was asked for, less on a scope's word, none on loopback by default."""
        options = self.options
        default = UNLIMITED if prepared.only_loopback and options.rate is None else Limits()
        rate = _limit(options.rate, default.rate, "--rate")
        if self.scope is not None and self.scope.max_rate is not None:
            rate = min(rate or self.scope.max_rate, self.scope.max_rate)
        return Limits(rate=rate, host_rate=_limit(options.host_rate, default.host_rate, "--host-rate"))

    @cached_property
    def engine(self) -> ChosenEngine:
        """What probes."""
        return make_engine(self.options, self.shares.probes, self.prepared, self._never.tcp)

    @cached_property
    def info(self) -> SweepInfo:
        """What is said about the sweep before it starts."""
        plan = self.prepared.plan
        return SweepInfo(
            sweep_id=f"{self.now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}",
            started=self.now,
            version=__version__,
            targets=shortened([*self.options.targets, *(f"-iL {name}" for name in self.options.target_files)]),
            ports=shortened(self.options.ports) or "default",
            addresses=plan.targets.size,
            ports_per_address=plan.ports_per_address,
            engine=self.engine.engine.name,
            engine_why=self.engine.why,
            seed=self.seed,
            shard=str(plan.shard),
            registry=self.registry.identity,
            policy=self.policy.identity if self.policy else "",
            scope=self.scope.identity if self.scope else "",
            hostnames=self.prepared.resolved,
        )

    def job(self, *more: Output) -> Job:
        """The whole of it; `more` are outputs besides those that the options name."""
        prepared, engine, shares = self.prepared, self.engine.engine, self.shares
        how = asking(shares.questions, self.options.timeout, self._permitted) if shares.questions else None
        sweep = Sweep(
            prepared.plan,
            engine,
            Judge(self.registry, self.policy, self.overlays),
            asked=self._asked(),
            screen=make_screen(how, len(prepared.plan.ports)) if how else None,
            identifier=self._identifier(how),
            recorder=self.memory,
            hostnames=prepared.hostnames,
            excluded=prepared.excluded,
            earlier=self.earlier,
        )
        sweep.notes += [UNTESTED] if shares.untested else []
        return Job(
            info=self.info,
            sweep=sweep,
            output=FanOut([*outputs(self.options), *more]),
            fail_on=self.options.fail_on,
            quiet=self.options.quiet,
            memory=self.memory,
            settings=saved_settings(self.options, prepared) if self.memory else {},
        )

    @cached_property
    def overlays(self) -> Overlays:
        """What is known of ports besides the registry."""
        from scanner.registry.overlays import bundled_overlays

        return bundled_overlays()

    def _identifier(self, how: Asking | None) -> "ServiceIdentifier | None":
        return make_identifier(self.registry, self.overlays, how) if how and self.options.identify else None

    def _permitted(self, address: Address) -> bool:
        return address in self.prepared.plan.targets

    @cached_property
    def earlier(self) -> Earlier | None:
        """What an interrupted run of the same plan has settled; nothing, for a sweep that starts now."""
        return None

    def _asked(self) -> Asked | None:
        required = required_places(self.policy) if self.policy and self.policy.required_ports else None
        return self.memory.asked(self.prepared.plan, required) if self.memory else required

    def _wanted(self) -> Wanted:
        options = self.options
        target_words = argument_words(options.targets, "TARGET", places=options.places.get("targets", ()))
        exclude_words = argument_words(
            options.exclude, "--exclude", split=",", places=options.places.get("exclude", ())
        )
        return Wanted(
            targets=[*target_words, *(word for name in options.target_files for word in file_words(name))],
            exclude=[*exclude_words, *(word for name in options.exclude_files for word in file_words(name))],
            ports=self._ports(),
            exclude_ports=self._never,
        )

    @cached_property
    def _never(self) -> PortSet:
        places = self.options.places.get("exclude_ports", ())
        words = argument_words(self.options.exclude_ports, "--exclude-ports", places=places)
        return parse_port_words(words, self._registry)

    def _ports(self) -> PortSet:
        if self.options.ports:
            places = self.options.places.get("ports", ())
            return parse_port_words(argument_words(self.options.ports, "-p", places=places), self._registry)
        from scanner.registry.common_ports import common_ports

        return PortSet(tcp=tuple(sorted({*range(1, 1024), *(port.number for port in common_ports())})))

    def _registry(self) -> Registry:
        return self.registry


def assemble(options: ScanOptions) -> Assembly:
    """The parts of a sweep that starts now; warnings go to standard error unless it is to be quiet."""
    return Assembly(options, now=datetime.now(UTC), warn=_silent if options.quiet else warn_on_stderr)


def outputs(options: ScanOptions) -> list[Output]:
    """Where the results go: data to standard output or a file, a table where standard output is free."""
    from scanner.outputs.csv_file import CsvFile
    from scanner.outputs.destination import STANDARD_OUTPUT, collide, destination_for
    from scanner.outputs.json_lines import JsonLines
    from scanner.outputs.nmap_xml import NmapXml
    from scanner.outputs.summary import SummaryLines
    from scanner.outputs.table import ROW_LIMIT, Table

    if options.csv and options.json:
        raise InvalidInput("two formats are named", where="--csv/--json", cure="choose one")
    made: list[Output] = []
    data = options.csv or options.json or bool(options.output)
    if data:
        place = destination_for(options.output or "-")
        made.append(JsonLines(place) if options.json else CsvFile(place, all_open=options.all_open))
    if options.nmap_xml:
        if data and collide(options.output or "-", options.nmap_xml):
            raise InvalidInput("both go to the same place", where="-o/-oX", cure="name another file for one of them")
        made.append(NmapXml(destination_for(options.nmap_xml)))
    taken = {options.nmap_xml, (options.output or "-") if data else ""} & STANDARD_OUTPUT
    if not taken and not options.quiet:
        made.append(Table(limit=sys.maxsize if options.verbose else ROW_LIMIT))
    if not options.quiet:
        made.append(SummaryLines())
    return made


def _limit(asked: float | None, default: float | None, where: str) -> float | None:
    if asked is None:
        return default
    if not isfinite(asked) or asked < 0:
        raise InvalidInput(f"{asked} is not a number of probes a second", where=where, cure="0 is no limit")
    return asked or None


def shortened(words: list[str] | tuple[str, ...], most: int = 200) -> str:
    """Words as one line of bounded length."""
    text = " ".join(words)
    return text if len(text) <= most else text[: most - 3] + "..."


def warn_on_stderr(text: str) -> None:
    """Tell the user now."""
    print(f"scanner: {text}", file=sys.stderr)


def _silent(_: str) -> None:
    """Say nothing."""
