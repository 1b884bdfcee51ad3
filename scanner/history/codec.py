"""Turns values into the texts and numbers that the tables hold, and back."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from ipaddress import IPv4Address, IPv6Address
from itertools import pairwise
from typing import Any

import numpy as np

from scanner.core.errors import HistoryUnusable
from scanner.core.model import Address, Coverage, RegistryIdentity, Severity, Verdict
from scanner.core.plan.permutation import MAX_SIZE
from scanner.core.plan.plan import Plan, Shard
from scanner.core.recognise.identity import Identity
from scanner.core.report import Summary, SweepInfo
from scanner.core.targets.ports import FIRST, LAST
from scanner.core.targets.ranges import Span
from scanner.core.targets.targets import TargetSet

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def milliseconds(moment: datetime) -> int:
    """Return an aware moment as whole milliseconds since the epoch, rounded down as every output does."""
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def moment(milliseconds_: int) -> datetime:
    """Return milliseconds since the epoch as a moment in UTC."""
    return _EPOCH + timedelta(milliseconds=milliseconds_)


def address_of(packed: bytes) -> Address:
    """Return the address of 4 or 16 bytes."""
    return IPv4Address(packed) if len(packed) == 4 else IPv6Address(packed)


def plan_text(plan: Plan) -> str:
    """Return a plan as JSON: everything from which the same waves can be made again."""
    udp = {"udp_ports": _runs(plan.udp_ports)} if plan.udp_ports else {}
    order = {"sequential": True} if plan.sequential else {}
    return json.dumps(
        {
            "ranges": [list(span) for span in plan.targets.ranges],
            "ports": _runs(plan.ports),
            "seed": plan.seed,
            "shard": [plan.shard.number, plan.shard.of],
            "wave_size": plan.wave_size,
            "order": _order(plan),
        }
        | udp
        | ({"classes": [_runs(each) for each in plan.classes]} if plan.classes else {})
        | order,
        separators=(",", ":"),
    )


def plan_of(text: str) -> Plan:
    """Return the plan that `plan_text` wrote. Raises HistoryUnusable where it holds what no plan can hold."""
    with _whole("plan"):
        data = json.loads(text)
        return Plan(
            targets=TargetSet(map(_span, data["ranges"])),
            ports=_ports(data["ports"]),
            seed=_number(data["seed"]),
            shard=Shard(*map(_number, data["shard"])),
            wave_size=_number(data["wave_size"], 1, MAX_SIZE),
            udp_ports=_ports(data.get("udp_ports", [])),
            classes=tuple(_listed(each, 0, 2 * LAST) for each in data.get("classes", [])),
            sequential=data.get("sequential", False) is True,
        )


def same_order(text: str, plan: Plan) -> bool:
    """Return whether this version visits the endpoints of a stored plan in the order in which they were swept."""
    with _whole("plan"):
        return bool(json.loads(text)["order"] == _order(plan))


def info_text(info: SweepInfo) -> str:
    """Return what was fixed before a sweep, as JSON."""
    return json.dumps(asdict(info) | {"started": info.started.isoformat()})


def info_of(text: str) -> SweepInfo:
    """Return the value that `info_text` wrote. Raises HistoryUnusable where it is none."""
    with _whole("description"):
        data: dict[str, Any] = json.loads(text)
        data["started"] = datetime.fromisoformat(data["started"])
        data["registry"] = RegistryIdentity(**data["registry"])
        data["hostnames"] = {name: tuple(addresses) for name, addresses in data["hostnames"].items()}
        return SweepInfo(**data)


def summary_text(summary: Summary) -> str:
    """Return the summary of a sweep without its `info`, as JSON."""
    return json.dumps(
        {
            "finished": summary.finished.isoformat(),
            "coverage": asdict(summary.coverage),
            "reasons": dict(summary.reasons),
            "findings": {severity.word: count for severity, count in summary.findings.items()},
            "verdicts": {verdict.value: count for verdict, count in summary.verdicts.items()},
            "interrupted": summary.interrupted,
            "degraded": list(summary.degraded),
            "notes": list(summary.notes),
        }
    )


def summary_of(text: str, info: SweepInfo) -> Summary:
    """Return the value that `summary_text` wrote. Raises HistoryUnusable where it is none."""
    with _whole("summary"):
        data = json.loads(text)
        return Summary(
            info=info,
            finished=datetime.fromisoformat(data["finished"]),
            coverage=Coverage(**data["coverage"]),
            reasons=data["reasons"],
            findings={Severity[word.upper()]: count for word, count in data["findings"].items()},
            verdicts={Verdict(word): count for word, count in data["verdicts"].items()},
            interrupted=data["interrupted"],
            degraded=tuple(data["degraded"]),
            notes=tuple(data["notes"]),
        )


@dataclass(frozen=True)
class IdentityCodec:
    """Identities as JSON. pydantic is imported by the first identity, not before."""

    @cached_property
    def _adapter(self) -> Any:
        from pydantic import TypeAdapter

        return TypeAdapter(Identity)

    def text(self, identity: Identity) -> str:
        """Return an identity as JSON."""
        return self._adapter.dump_json(identity).decode()  # type: ignore[no-any-return]

    def value(self, text: str) -> Identity:
        """Return the identity that `text` wrote."""
        return self._adapter.validate_json(text)  # type: ignore[no-any-return]


def spoken(identity: Identity) -> str:
    """Return the words by which the services of two sweeps are compared: protocol, product and version."""
    return " ".join(word for word in (identity.name, identity.product, identity.version) if word)


def settings_of(text: str) -> Mapping[str, Any]:
    """Return the settings that a sweep was started with. Raises HistoryUnusable where they are none."""
    with _whole("settings"):
        return json.loads(text)  # type: ignore[no-any-return]


def _order(plan: Plan) -> list[int]:
    """Return the indices of the first positions: enough to tell one permutation from another."""
    indices: list[int] = plan.permutation.forward(np.arange(min(plan.total, 4), dtype=np.uint64)).tolist()
    return indices


def _ports(runs: Iterable[Sequence[int]]) -> tuple[int, ...]:
    """Return the ports of stored runs. Raises ValueError where they do not ascend."""
    ports = _listed(runs, FIRST, LAST)
    if any(left >= right for left, right in pairwise(ports)):
        raise ValueError("ports ascend")
    return ports


def _listed(runs: Iterable[Sequence[int]], least: int, most: int) -> tuple[int, ...]:
    """Return the numbers of stored runs. Raises ValueError for more of them than there can be."""
    listed: list[int] = []
    for first, last in runs:
        listed += range(_number(first, least, most), _number(last, first, most) + 1)
        if len(listed) > most - least + 1:
            raise ValueError(f"more than {most - least + 1} numbers")
    return tuple(listed)


def _span(stored: Sequence[int]) -> Span:
    version, first, last = stored
    most = (1 << {4: 32, 6: 128}[version]) - 1
    return Span(version, _number(first, 0, most), _number(last, first, most))


def _number(stored: object, least: int | None = None, most: int | None = None) -> int:
    """Return a stored number. Raises ValueError where it is none, or outside its bounds."""
    if not isinstance(stored, int) or (least is not None and stored < least) or (most is not None and stored > most):
        raise ValueError(f"{stored!r} is not a number from {least} to {most}")
    return stored


@contextmanager
def _whole(what: str) -> Iterator[None]:
    """Say in one line that a stored value is damaged, whatever is wrong with it."""
    try:
        yield
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError, OverflowError) as error:
        problem = f"the history is damaged: the {what} of a sweep cannot be read"
        raise HistoryUnusable(f"{problem}; move it away, and the next sweep starts a new one") from error


def _runs(ports: tuple[int, ...]) -> list[list[int]]:
    runs: list[list[int]] = []
    for port in ports:
        if runs and runs[-1][1] == port - 1:
            runs[-1][1] = port
        else:
            runs.append([port, port])
    return runs
