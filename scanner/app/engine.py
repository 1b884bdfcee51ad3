"""From options to an engine: which one, with which settings, and why."""

import secrets
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from scanner.app.options import ScanOptions
from scanner.app.planning import PlannedSweep
from scanner.app.prepare import Prepared
from scanner.core.columns import Indices
from scanner.core.errors import InvalidInput
from scanner.core.plan.plan import Plan, Shard
from scanner.core.plan.wave import Wave
from scanner.core.rate.limits import Limits
from scanner.core.rate.pacing import Pacing, fixed
from scanner.engines.choose import EngineName, Wire
from scanner.engines.interface import Engine
from scanner.engines.syn.options import Permitted

if TYPE_CHECKING:
    from scanner.engines.udp.frames import FrameOptions

MOST_PATIENCE = 1_000_000
"""The longest time that one host may take for telling closed UDP ports from silent ones."""
MOST_SECONDS = 60
"""The longest wait for one answer."""


@dataclass(frozen=True, slots=True)
class ChosenEngine:
    """An engine, and why it was chosen."""

    engine: Engine
    """What probes."""
    why: str = ""
    """Why, where the choice was not the user's."""


def make_engine(planned: PlannedSweep, required: Callable[[Wave], Indices] | None = None) -> ChosenEngine:
    """Return the engine that the options name, or the best that is possible here.

    `required` returns the places of a wave that the policy requires to be open, which UDP looks into before others.

    Raises:
        NotPermitted: it was named, and this process has not the right to use it.
    """
    options, prepared, limits = planned.options, planned.prepared, planned.split.probes
    _check_timeout(options.timeout)
    _check_patience(options.udp_patience)
    if options.source and not prepared.plan.udp_ports:
        raise InvalidInput("only UDP is asked from several addresses", where="--source", cure="add -sU or -p U:...")
    if not isinstance(options.engine, str):
        return ChosenEngine(options.engine)
    name, why = _choose(options, prepared)
    if name is EngineName.CONNECT:
        _refuse_frame_options(options)
    try:
        tcp, udp = _divided(limits, prepared.plan)
        engine = _MAKERS[name](options, tcp, planned)
        if prepared.plan.udp_ports:
            engine = _with_udp(engine, name, options, udp, prepared, required)
        if options.discover:
            scout = _MAKERS[name](replace(options, pcap=None), limits, planned)
            engine = _in_two_steps(scout, engine, prepared.plan, planned.never.tcp, limits.rest)
        return ChosenEngine(engine, why if prepared.plan.ports else "")
    except ValueError as error:
        raise InvalidInput(str(error), where="--timeout/--retries") from error


def _choose(options: ScanOptions, prepared: Prepared) -> tuple[EngineName, str]:
    from scanner.engines.choose import choose_engine

    choice = choose_engine(EngineName(str(options.engine)))
    if options.engine == EngineName.AUTO and prepared.only_loopback:
        return EngineName.CONNECT, "nothing leaves this machine"
    return choice.engine, choice.why


def _in_two_steps(scout: Engine, engine: Engine, plan: Plan, never: Collection[int], rest: float) -> Engine:
    """Probe a few ports of every address first, whatever shard this is."""
    from scanner.engines.discover import DISCOVERY_PORTS, DiscoveredEngine, Hosts, TwoSteps

    ports = tuple(port for port in DISCOVERY_PORTS if port not in never)
    if not ports:
        raise InvalidInput("every port that discovery probes is excluded", where="--discover/--exclude-ports")
    first = replace(plan, ports=ports, udp_ports=(), classes=(), shard=Shard())
    hosts = Hosts(plan.targets.size)
    return TwoSteps(
        scout, map(first.wave, first.numbers()), DiscoveredEngine(engine, hosts, plan.wave), hosts, rest=rest
    )


def _check_timeout(timeout: float | None) -> None:
    if timeout is not None and not 0 < timeout <= MOST_SECONDS:
        problem = f"{timeout:g} is not a number of seconds to wait"
        raise InvalidInput(problem, where="--timeout", cure=f"above 0 and up to {MOST_SECONDS} are possible")


def _check_patience(patience: float | None) -> None:
    if patience is not None and not 0 <= patience <= MOST_PATIENCE:
        problem = f"{patience:g} is not a number of seconds to wait"
        raise InvalidInput(problem, where="--udp-patience", cure=f"0 to {MOST_PATIENCE:,} are possible")


def _refuse_frame_options(options: ScanOptions) -> None:
    """The connect engine cannot honour frame options: refuse them instead of ignoring them."""
    given = {"-e": options.interface, "--pcap": options.pcap, "--wire": options.wire is not Wire.AUTO}
    for option in (option for option, is_given in given.items() if is_given):
        raise InvalidInput("the connect engine sends no frames of its own", where=option, cure="add --engine syn")


def _divided(limits: Limits, plan: Plan) -> tuple[Limits, Limits]:
    """Divide the limits between TCP and UDP probes, by how many ports each has; all to the one where it is alone.

    Raises:
        ValueError: a limit that cannot be divided.
    """
    tcp, udp = len(plan.ports), len(plan.udp_ports)
    if not (tcp and udp):
        return limits, limits
    most, least = limits.divided(max(2, min(10, (tcp + udp) // min(tcp, udp))))
    return (most, least) if tcp >= udp else (least, most)


def _with_udp(
    engine: Engine,
    name: EngineName,
    options: ScanOptions,
    limits: Limits,
    prepared: Prepared,
    required: Callable[[Wave], Indices] | None,
) -> Engine:
    """Let a UDP engine probe beside the one for TCP, by frames where that one sends frames.

    It is alone where the plan has UDP ports only.
    """
    from scanner.engines.both import BothTransports
    from scanner.engines.udp.engine import UdpEngine, UdpOptions
    from scanner.engines.udp.sources import sources_from

    how = UdpOptions(
        frames=_frames(options, prepared) if name is EngineName.SYN else None,
        secret=secrets.token_bytes(16),
        sources=sources_from(options.source),
        communities=tuple(word.encode() for word in options.community),
        required=None if required is None else lambda wave: required(wave).tolist(),
        **_given(patience=options.udp_patience),
    )
    by_udp = UdpEngine(how, limits, prepared.plan.targets.__contains__)
    return BothTransports(engine, by_udp) if prepared.plan.ports else by_udp


def _frames(options: ScanOptions, prepared: Prepared) -> "FrameOptions":
    from scanner.engines.udp.frames import FrameOptions

    if options.pcap and prepared.plan.ports:
        problem = "one capture file does not take answers by TCP and by UDP"
        raise InvalidInput(problem, where="--pcap", cure="sweep TCP and UDP one after the other")
    pcap = Path(options.pcap) if options.pcap else None
    return FrameOptions(_permitted(prepared), options.interface or None, options.wire, pcap)


def _pacing(planned: PlannedSweep, limits: Limits) -> Pacing:
    """Return how fast TCP probes may go: within `limits`, or below those ceilings that the user named.

    Nothing is lost on loopback, so nothing has to be found there.
    """
    named, found = planned.pacing.limits, planned.pacing.adaptive and not planned.prepared.only_loopback
    if not found:
        return fixed(limits)
    ceilings = Limits(
        rate=None if named.rate is None else limits.rate,
        host_rate=None if named.host_rate is None else limits.host_rate,
    )
    return planned.pacing.part(ceilings)


def _connect(options: ScanOptions, limits: Limits, planned: PlannedSweep) -> Engine:
    """Use one process where the rate is to be found or that is enough, several where a large plan may go faster."""
    from scanner.app.ways import kernel_ways
    from scanner.engines.connect.engine import ConnectEngine, ConnectOptions
    from scanner.engines.connect.pool import ConnectPool, pool_size

    plan, pacing = planned.prepared.plan, _pacing(planned, limits)
    permitted = plan.targets.__contains__
    how = ConnectOptions(**_given(timeout=options.timeout), retries=options.retries, planned=plan.size)
    if pacing.adaptive:
        return ConnectEngine(how, pacing, permitted, way_of=kernel_ways())
    workers = pool_size(plan.size, plan.targets.size, pacing.limits)
    if workers < 2:
        return ConnectEngine(how, pacing, permitted)
    return ConnectPool(how, pacing.limits, permitted, workers=workers)


def _syn(options: ScanOptions, limits: Limits, planned: PlannedSweep) -> Engine:
    from scanner.engines.syn.engine import SynEngine
    from scanner.engines.syn.options import SynOptions

    attempts = None if options.retries is None else options.retries + 1
    how = SynOptions(**_syn_settings(options) | {"attempts": attempts, "planned": planned.prepared.plan.size})
    return SynEngine(how, _pacing(planned, limits), _permitted(planned.prepared))


def _scapy(options: ScanOptions, limits: Limits, planned: PlannedSweep) -> Engine:
    from scanner.engines.syn.options import SynOptions
    from scanner.engines.syn.scapy_engine import ScapyEngine

    return ScapyEngine(SynOptions(**_syn_settings(options)), limits, _permitted(planned.prepared))


_MAKERS: Mapping[EngineName, Callable[[ScanOptions, Limits, PlannedSweep], Engine]] = MappingProxyType(
    {EngineName.CONNECT: _connect, EngineName.SYN: _syn, EngineName.SCAPY: _scapy}
)


def _syn_settings(options: ScanOptions) -> dict[str, Any]:
    return _given(
        attempts=None if options.retries is None else options.retries + 1,
        cooldown=options.timeout,
        interface=options.interface or None,
        wire=options.wire,
        pcap=None if options.pcap is None else Path(options.pcap),
    )


def _permitted(prepared: Prepared) -> Permitted:
    """Check scope a second time where frames are built: only the plan's own targets may leave."""
    from scanner.engines.syn.scope_filter import ScopeFilter

    return ScopeFilter(prepared.plan.targets.ranges)


def _given(**settings: Any) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if value is not None}
