"""zmap's CSV: one answer a row. It names the port only where `sport` is among the output fields."""

import csv
from collections.abc import Iterator, Mapping

from scanner.core.model import Endpoint, Observation, State, Transport
from scanner.imports.fields import imported_address, iso_moment_of, moment_of, port_of
from scanner.imports.interface import Heading, ImportEvent, Source
from scanner.imports.lines import lines_of

_CLASSES: Mapping[str, tuple[Transport, State, str]] = {
    "synack": (Transport.TCP, State.OPEN, "syn-ack"),
    "rst": (Transport.TCP, State.CLOSED, "reset"),
    "udp": (Transport.UDP, State.OPEN, "udp-answer"),
}
"""What an answer means, by zmap's word for it."""


def recognise(head: str) -> bool:
    """Return whether a file begins as zmap's CSV."""
    return "saddr" in head.partition("\n")[0].split(",")


def read(source: Source) -> Iterator[ImportEvent]:
    """Yield what the file says."""
    yield Heading("zmap")
    columns: list[str] = []
    for number, line in lines_of(source):
        if not line:
            continue
        cells = next(csv.reader([line]))
        if not columns:
            columns = cells
            if "sport" not in columns:
                raise source.refuse(number, "does not name the ports", "run zmap with -f saddr,sport,classification")
            continue
        if len(cells) != len(columns):
            raise source.refuse(number, f"has {len(cells)} cells under {len(columns)} headings: the file is damaged")
        yield from _row(source, number, dict(zip(columns, cells, strict=True)))


def _row(source: Source, line: int, row: Mapping[str, str]) -> Iterator[Observation]:
    meaning = _CLASSES.get(row.get("classification", "synack"))
    if meaning is None or not row["sport"]:
        source.left_out["answers that tell no port's state (ICMP)"] += 1
        return
    transport, state, reason = meaning
    endpoint = Endpoint(imported_address(source, line, row["saddr"]), transport, port_of(source, line, row["sport"]))
    at = source.written
    if row.get("timestamp_ts"):
        at = moment_of(source, line, row["timestamp_ts"])
    elif row.get("timestamp_str"):
        at = iso_moment_of(source, line, row["timestamp_str"])
    yield Observation(endpoint, state, reason, at)
