"""Brings the user's copy of the registry up to date: fetch, check, compare, replace.

Nothing is replaced until the new file has proved to be the whole registry and not to have lost more than a
twentieth of the current assignments. The replacement is a rename, so a run that is killed, or that fills the disk,
leaves the last good copy. The tag that the server gave is kept beside the copy, tied to its digest, and sent
back the next time (RFC 9110 section 13.1.2), so that asking every night costs the server nothing.
"""

import json
from dataclasses import asdict, dataclass
from datetime import date
from enum import StrEnum
from hashlib import sha256
from pathlib import Path

from scanner.core.errors import OutputFailed, RegistryUnusable, Warn
from scanner.core.model import RegistryIdentity
from scanner.core.registry.changes import Changes, changes
from scanner.core.registry.csv import parse_iana_csv
from scanner.core.registry.registry import Registry, future_warning
from scanner.files.atomic import write_whole
from scanner.registry.fetch import FetchLimits, fetch, is_url
from scanner.registry.plausible import check_plausible
from scanner.registry.source import (
    Origin,
    cache_file,
    load_bundled,
    load_updated,
    origin_file,
    read_file,
    read_origin,
    registry_folder,
)

IANA_URL = "https://www.iana.org/assignments/service-names-port-numbers/service-names-port-numbers.csv"
"""Where IANA publishes the registry."""


class UpdateOutcome(StrEnum):
    """The outcome of an update."""

    UPDATED = "updated"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class Update:
    """The result of an update."""

    outcome: UpdateOutcome
    """The outcome."""
    path: Path
    """The path of the copy."""
    before: RegistryIdentity
    """The registry that was in use."""
    after: RegistryIdentity
    """The registry that is in use now."""
    changes: Changes
    """The differences between the two."""


def update(
    source: str | None = None,
    *,
    force: bool = False,
    folder: Path | None = None,
    limits: FetchLimits = FetchLimits(),
    warn: Warn = lambda _: None,
) -> Update:
    """Replace the user's copy by what `source` (an address or a file; by default IANA's address) holds now.

    `force` accepts a file that lacks many of the assignments, but never one that is not a whole registry. `warn`
    takes a line when the present copy is damaged, or the new one older or dated in the future. On an error the copy
    is left as it was.

    Raises:
        RegistryUnusable: the new registry cannot be had, or cannot be believed.
        InvalidInput: `source` is not an address that may be fetched.
    """
    folder = folder or registry_folder()
    source = source or IANA_URL
    current = load_updated(folder, warn=warn)
    origin = read_origin(folder, read_file(cache_file(folder))) if current else Origin()
    current = current or load_bundled()
    etag = origin.etag if origin.source == source else ""
    data, etag = _read(source, etag, limits)
    if data is None:
        return _result(folder, current, current)
    same = sha256(data).hexdigest() == current.identity.sha256
    new = current if same else parse_iana_csv(data, source=source)
    if not force:
        check_plausible(changes(current, new), source, force="kept the registry in use; --force takes it all the same")
    if new.identity.date < current.identity.date:
        warn(f"{source}: of {new.identity.date}, older than the registry that it replaces ({current.identity.date})")
    if warning := future_warning(new.identity, date.today()):
        warn(warning)
    _replace(folder, data, Origin(source, etag, new.identity.sha256))
    return _result(folder, current, new)


def _read(source: str, etag: str, limits: FetchLimits) -> tuple[bytes | None, str]:
    """The bytes and their tag; no bytes if the server says that they are those of `etag`."""
    if is_url(source):
        answer = fetch(source, etag=etag, limits=limits)
        return answer.data, answer.etag
    return read_file(Path(source)), ""


def _result(folder: Path, before: Registry, after: Registry) -> Update:
    outcome = UpdateOutcome.UNCHANGED if after is before else UpdateOutcome.UPDATED
    return Update(outcome, cache_file(folder), before.identity, after.identity, changes(before, after))


def _replace(folder: Path, data: bytes, origin: Origin) -> None:
    """The registry first, then where it came from: killed in between, only the tag is lost."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(cache_file(folder), data)
        write_whole(origin_file(folder), json.dumps(asdict(origin), indent=2).encode())
    except OSError as error:
        raise RegistryUnusable(f"{folder}: cannot keep the registry here: {error.strerror or error}") from None
    except OutputFailed as error:
        raise RegistryUnusable(f"cannot keep the registry: {error}") from None
