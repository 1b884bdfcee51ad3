"""A record as one line: JSON with the envelope that all JSON of this program has, and CSV as RFC 4180 writes it.

Every JSON line begins with `schema_version` and `type`, so that a reader knows what it has in hand. Fields are only
ever added; the version rises if that promise must be broken.
"""

import csv
import io
import json
from collections.abc import Iterable, Mapping
from typing import Any

from scanner.core.model import RegistryIdentity
from scanner.core.sanitise import csv_cell, sanitise

SCHEMA_VERSION = 1
"""The version of what a JSON line may hold."""


def json_line(kind: str, fields: Mapping[str, Any], *, ascii_only: bool = True) -> str:
    """Return one object of a kind as a line, with its line end.

    `ascii_only` escapes everything else, which no terminal and no locale misreads. Without it the texts must be
    sanitised already. Raises ValueError for a number that JSON does not know (infinity).
    """
    line = {"schema_version": SCHEMA_VERSION, "type": kind, **fields}
    text = json.dumps(line, ensure_ascii=ascii_only, allow_nan=False)
    return (text.replace("\x7f", "\\u007f") if ascii_only else text) + "\n"


def csv_row(values: Iterable[str | int | float | None]) -> str:
    """Return one row with its line end (CRLF); None is an empty cell. No cell runs as a formula.

    A float is written in thousandths: 0.017 as `17e-3`, 12.123 as `12123e-3`. A spreadsheet where the comma is the
    decimal mark reads `12.123` as 12123; without a mark every locale reads the same number (tried with LibreOffice in
    German, French and English), and so do programs.
    """
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerow(map(_cell, values))
    return buffer.getvalue()


def json_document(value: Any) -> str:
    """Return one JSON document with its line end, every text and key in it sanitised."""
    return json.dumps(sanitised(value), ensure_ascii=False, allow_nan=False, indent=1) + "\n"


def sanitised(value: Any) -> Any:
    """Return JSON data with every text in it sanitised, however deep."""
    if isinstance(value, str):
        return sanitise(value)
    if isinstance(value, Mapping):
        return {sanitise(key): sanitised(each) for key, each in value.items()}
    return list(map(sanitised, value)) if isinstance(value, list | tuple) else value


def registry_fields(identity: RegistryIdentity) -> Mapping[str, Any]:
    """Return the identity of a registry as a JSON object, every text in it sanitised."""
    return {
        "source": sanitise(identity.source),
        "date": sanitise(identity.date),
        "sha256": sanitise(identity.sha256),
        "rows": identity.rows,
    }


def _cell(value: str | int | float | None) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{round(value * 1000)}e-3"
    return csv_cell(value) if isinstance(value, str) else str(value)
