"""masscan's list (-oL): `open tcp 80 10.0.0.1 1700000000`, between `#masscan` and `# end`."""

from collections.abc import Iterator

from scanner.core.model import Endpoint, Observation
from scanner.imports.fields import imported_address, moment_of, port_of, transport_of
from scanner.imports.interface import IMPORT_STATES, Heading, ImportEvent, Source
from scanner.imports.lines import lines_of

_REASONS = {"open": "syn-ack", "closed": "reset"}


def recognise(head: str) -> bool:
    """Return whether a file begins as masscan's list."""
    return head.startswith("#masscan")


def read(source: Source) -> Iterator[ImportEvent]:
    """Yield what the file says."""
    yield Heading("masscan")
    ended, number = False, 1
    for number, line in lines_of(source):
        if ended and line:
            raise source.refuse(number, "something follows `# end`: two files in one?")
        if line.startswith("#"):
            ended = line.startswith("# end")
        elif line.startswith("banner "):
            source.left_out["banners, which say nothing of a port's state"] += 1
        elif line:
            yield from _row(source, number, line)
    if not ended:
        raise source.refuse(number, "does not end in `# end`: it is truncated")


def _row(source: Source, number: int, line: str) -> Iterator[Observation]:
    words = line.split()
    if len(words) != 5 or words[0] not in IMPORT_STATES:
        raise source.refuse(number, f"{line[:60]!r} is not a row of masscan's list")
    state, protocol, port, address, at = words
    transport = transport_of(protocol)
    if transport is None:
        source.left_out["rows of other protocols than TCP and UDP"] += 1
        return
    endpoint = Endpoint(imported_address(source, number, address), transport, port_of(source, number, port))
    reason = "udp-answer" if protocol == "udp" else _REASONS.get(state, "no-response")
    yield Observation(endpoint, IMPORT_STATES[state], reason, moment_of(source, number, at))
