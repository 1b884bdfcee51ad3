"""A first policy, written from what a sweep found open. Every entry is marked for review: that a port was open one
day is not a reason why it should be. Hosts on which the same ports are open become one entry."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator

from scanner.core.model import Address, Judged, State
from scanner.core.sanitise import sanitise

OWNER = "REVIEW: who answers for this?"


def draft_policy(name: str, sweep_id: str, judged: Iterable[Judged]) -> Iterator[str]:
    """The lines of a policy file."""
    yield f"# Drafted from sweep {sweep_id}. It says what was open, not what should be. Until `review` is taken out"
    yield "# of an entry, its ports are not expected. Split, merge and delete entries as you find out what they are."
    yield f"name = {_text(name)}"
    for ports, addresses in sorted(_alike(judged).items(), key=lambda item: _order(item[1])):
        yield ""
        yield "[[expect]]"
        yield from _list("networks", [str(address) for address in sorted(addresses, key=_number)])
        yield from _list("ports", [number for number, _ in ports])
        yield f"owner = {_text(OWNER)}"
        yield f"note = {_text(_note(ports))}"
        yield "review = true"


def _alike(judged: Iterable[Judged]) -> dict[tuple[tuple[int, str], ...], list[Address]]:
    """Addresses by what is open on them: the port numbers with what is said of each."""
    open_on: defaultdict[Address, dict[int, str]] = defaultdict(dict)
    for each in judged:
        seen = each.observation
        if seen.state is State.OPEN:
            speaks = seen.identity.name if seen.identity else ""
            service = next((finding.service for finding in each.findings), "")
            open_on[seen.endpoint.address][seen.endpoint.port] = speaks or service or "unassigned"
    alike: defaultdict[tuple[tuple[int, str], ...], list[Address]] = defaultdict(list)
    for address, ports in open_on.items():
        alike[tuple(sorted(ports.items()))].append(address)
    return dict(alike)


def _note(ports: Iterable[tuple[int, str]]) -> str:
    text = ", ".join(f"{number} {said}" for number, said in ports)
    return text if len(text) <= 300 else text[:297] + "..."


def _list(key: str, values: list[str] | list[int]) -> Iterator[str]:
    words = [_text(value) if isinstance(value, str) else str(value) for value in values]
    if len(words) <= 6:
        yield f"{key} = [{', '.join(words)}]"
        return
    yield f"{key} = ["
    for start in range(0, len(words), 6):
        yield f"  {', '.join(words[start : start + 6])},"
    yield "]"


def _text(text: str) -> str:
    """A TOML basic string: JSON's, once nothing unseen is in it."""
    return json.dumps(sanitise(text), ensure_ascii=False)


def _order(addresses: list[Address]) -> tuple[int, int]:
    return min(map(_number, addresses))


def _number(address: Address) -> tuple[int, int]:
    return address.version, int(address)
