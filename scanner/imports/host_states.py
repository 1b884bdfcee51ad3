"""What a report says of each port of its host: how many have each state, and the state of a single port.

A file counts most ports instead of listing them. Their states follow where the file names them, or where all that are
counted share one state; else a single port is not known.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from scanner.core.errors import InvalidInput
from scanner.core.model import Coverage, Endpoint, Observation, PortKey, State
from scanner.core.targets.ports import PortSet
from scanner.imports.interface import HostReport, Unlisted

NOT_LISTED = "not-listed"
"""The reason of an endpoint of which a file says nothing."""


def listed(report: HostReport) -> dict[PortKey, Observation]:
    """Return what is listed, each port once: the last row about it counts."""
    return {PortKey(seen.endpoint.transport, seen.endpoint.port): seen for seen in report.observations}


def coverage_of(report: HostReport, planned: int, name: str) -> tuple[Coverage, Mapping[str, int]]:
    """Return how many ports of a host have each state, and each reason; the rest of `planned` is unknown.

    Raises:
        InvalidInput: the report speaks of more ports than were scanned; `name` is what errors call the file.
    """
    states, reasons = Counter[State](), Counter[str]()
    for seen in listed(report).values():
        states[seen.state] += 1
        reasons[seen.reason] += 1
    for each in report.unlisted:
        states[each.state] += each.count
        reasons[each.reason or each.state.value] += each.count
    rest = planned - states.total()
    if rest < 0:
        raise InvalidInput(
            f"says more of {report.address} than its {planned:,} scanned ports", where=name, cure="was it edited?"
        )
    reasons.update({NOT_LISTED: rest} if rest else {})
    return coverage(states, planned), reasons


def coverage(states: Mapping[State, int], planned: int) -> Coverage:
    """Return counts by state as coverage; what is in no state is unknown."""
    counts = {state: states.get(state, 0) for state in State}
    known = sum(count for state, count in counts.items() if state is not State.UNKNOWN)
    return Coverage(
        planned=planned,
        answered=counts[State.OPEN] + counts[State.CLOSED],
        open=counts[State.OPEN],
        closed=counts[State.CLOSED],
        filtered=counts[State.FILTERED],
        open_filtered=counts[State.OPEN_FILTERED],
        unknown=planned - known,
    )


def observed(report: HostReport, asked: Iterable[PortKey], scanned: PortSet) -> Iterator[Observation]:
    """Yield what is listed, and what is known of `asked` ports that are not, by the ports that were scanned."""
    found = listed(report)
    yield from found.values()
    known = sum(each.count for each in report.unlisted) + len(found) == len(scanned)
    for port in asked:
        if port not in found:
            state, reason = _unlisted_state(report.unlisted, port, known=known)
            endpoint = Endpoint(report.address, port.transport, port.number)
            yield Observation(endpoint, state, reason, report.at, hostname=report.hostname)


def _unlisted_state(unlisted: Iterable[Unlisted], port: PortKey, *, known: bool) -> tuple[State, str]:
    counted = [each for each in unlisted if each.transport in (None, port.transport)]
    for each in counted:
        if each.ports is not None and port.number in each.ports:
            return each.state, each.reason or each.state.value
    nameless = [each for each in counted if each.ports is None]
    if known and nameless and len({each.state for each in nameless}) == 1 and len(nameless) == len(counted):
        return nameless[0].state, nameless[0].reason or nameless[0].state.value
    return State.UNKNOWN, NOT_LISTED
