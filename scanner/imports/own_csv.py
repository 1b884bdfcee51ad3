"""Our own CSV: one row a finding. Several rows may be about one endpoint; what is judged is the endpoint.

A CSV holds findings, not coverage: nothing follows from what is not in it.
"""

import csv
from collections.abc import Iterator, Mapping

from scanner.core.model import ANSWERS_EVERYWHERE, Endpoint, Observation, State
from scanner.core.whole_host import WHOLE_HOST_PORT
from scanner.imports.fields import imported_address, iso_moment_of, port_of, transport_of
from scanner.imports.interface import Heading, ImportEvent, Source
from scanner.imports.lines import lines_of

_NEEDED = frozenset(
    {"observed_at", "address", "hostname", "port", "transport", "state", "reason", "rtt_ms", "evidence"}
)


def recognise(head: str) -> bool:
    """Return whether a file begins as our CSV."""
    return head.startswith("finding_id,") and head.partition("\n")[0].strip().split(",")[-1] != ""


def read(source: Source) -> Iterator[ImportEvent]:
    """Yield what the file says, each endpoint once where its rows stand together, as we write them."""
    yield Heading("scanner")
    columns: list[str] = []
    last: Endpoint | None = None
    for number, line in lines_of(source):
        if not line:
            continue
        cells = next(csv.reader([line]))
        if not columns:
            columns = cells
            if missing := sorted(_NEEDED - set(columns)):
                raise source.refuse(number, f"the column {missing[0]} is missing")
            continue
        if len(cells) != len(columns):
            raise source.refuse(number, f"has {len(cells)} cells under {len(columns)} headings: the file is damaged")
        found = row_observation(source, number, dict(zip(columns, cells, strict=True)))
        if found.endpoint != last:
            last = found.endpoint
            yield found


def row_observation(source: Source, line: int, row: Mapping[str, object]) -> Observation:
    """Return what a row of the promised columns says of its endpoint, or of a host that answers on every port."""
    text = {name: "" if value is None else str(value) for name, value in row.items()}
    transport = transport_of(text["transport"])
    if transport is None or text["state"] not in set(State):
        raise source.refuse(line, "is not a row of a scan: its transport or state is unknown")
    address = imported_address(source, line, text["address"])
    everywhere = text["reason"] == ANSWERS_EVERYWHERE and text["port"] == str(WHOLE_HOST_PORT)
    try:
        rtt = float(text["rtt_ms"]) / 1000 if text["rtt_ms"] else None
    except ValueError:
        raise source.refuse(line, f"{text['rtt_ms'][:60]!r} is not a number of milliseconds") from None
    return Observation(
        Endpoint(address, transport, WHOLE_HOST_PORT if everywhere else port_of(source, line, text["port"])),
        State(text["state"]),
        text["reason"][:60],
        iso_moment_of(source, line, text["observed_at"]),
        rtt,
        text["evidence"][:1000],
        text["hostname"][:255],
    )
