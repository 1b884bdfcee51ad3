"""What a sweep was started with, kept in the history so that `scanner resume` can go on alike.

Paths are made absolute: whoever resumes may stand in another folder.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from scanner.app.prepare import Prepared
from scanner.cli.options import ScanOptions
from scanner.core.model import Address
from scanner.outputs.formats import absolute_path, audit_keys


@dataclass(frozen=True, slots=True)
class Kept:
    """The settings of an earlier run."""

    options: ScanOptions
    """What the user asked for."""
    excluded: int
    """How many endpoints the exclusions took out."""
    hostnames: Mapping[Address, str]
    """The name by which an address was asked for."""


def saved_settings(options: ScanOptions, prepared: Prepared) -> Mapping[str, object]:
    """Everything that is not in the plan, ready for JSON."""
    kept = {name: _lasting(name, value) for name, value in asdict(options).items()}
    names = {str(address): name for address, name in prepared.hostnames.items()}
    return {"options": kept, "excluded": prepared.excluded, "hostnames": names}


def kept_settings(settings: Mapping[str, Any]) -> Kept:
    """What `saved_settings` made. Raises ValueError where another version's settings mean nothing to this one."""
    from pydantic import TypeAdapter

    return Kept(
        options=TypeAdapter(ScanOptions).validate_python(settings["options"]),
        excluded=settings["excluded"],
        hostnames={ip_address(address): name for address, name in settings["hostnames"].items()},
    )


def _lasting(name: str, value: object) -> object:
    if isinstance(value, Path):
        return str(value.absolute())
    if isinstance(value, str) and name in {"output", *audit_keys()}:
        return absolute_path(value)
    return value
