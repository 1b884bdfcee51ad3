"""From options to an engine: which one, with which settings, and why."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from scanner.cli.options import ScanOptions
from scanner.core.errors import InvalidInput
from scanner.core.pacing import Limits
from scanner.engines.interface import Engine
from scanner.engines.names import EngineName
from scanner.engines.syn_options import Permitted
from scanner.prepare import Prepared


@dataclass(frozen=True, slots=True)
class Chosen:
    """An engine, and why it was chosen."""

    engine: Engine
    """What probes."""
    why: str = ""
    """Why, where the choice was not the user's."""


def choose(options: ScanOptions, limits: Limits, prepared: Prepared) -> Chosen:
    """The engine that the options name, or the best that is possible here.

    Raises:
        NotPermitted: it was named, and this process has not the right to use it.
    """
    from scanner.engines.choose import choose_engine

    if options.engine is EngineName.AUTO and prepared.only_loopback:
        return Chosen(_connect(options, limits, prepared), "nothing leaves this machine")
    choice = choose_engine(options.engine)
    try:
        return Chosen(_MAKERS[choice.engine](options, limits, prepared), choice.why)
    except ValueError as error:
        raise InvalidInput(str(error), where="--timeout/--retries") from error


def _connect(options: ScanOptions, limits: Limits, prepared: Prepared) -> Engine:
    from scanner.engines.connect import ConnectEngine, ConnectOptions

    settings = _given(timeout=options.timeout, retries=options.retries)
    return ConnectEngine(ConnectOptions(**settings), limits, permitted=prepared.plan.targets.__contains__)


def _syn(options: ScanOptions, limits: Limits, prepared: Prepared) -> Engine:
    from scanner.engines.syn import SynEngine
    from scanner.engines.syn_options import SynOptions

    return SynEngine(SynOptions(**_syn_settings(options)), limits, _permitted(prepared))


def _scapy(options: ScanOptions, limits: Limits, prepared: Prepared) -> Engine:
    from scanner.engines.scapy_engine import ScapyEngine
    from scanner.engines.syn_options import SynOptions

    return ScapyEngine(SynOptions(**_syn_settings(options)), limits, _permitted(prepared))


_MAKERS: Mapping[EngineName, Callable[[ScanOptions, Limits, Prepared], Engine]] = MappingProxyType(
    {EngineName.CONNECT: _connect, EngineName.SYN: _syn, EngineName.SCAPY: _scapy}
)


def _syn_settings(options: ScanOptions) -> dict[str, Any]:
    tries = None if options.retries is None else options.retries + 1
    return _given(
        tries=tries,
        cooldown=options.timeout,
        interface=options.interface or None,
        wire=options.wire,
        pcap=options.pcap,
    )


def _permitted(prepared: Prepared) -> Permitted:
    """The second check of scope, where frames are built: what is not in the plan's own targets does not leave."""
    columns = prepared.plan.columns
    return lambda version, high, low: np.greater_equal(columns.find(version, high, low), 0)


def _given(**settings: Any) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if value is not None}
