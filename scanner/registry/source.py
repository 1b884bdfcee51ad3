"""Where the registry comes from: a file the user names, the updated copy in their data folder, or the bundle.

A damaged copy does not stop a run: the bundle takes its place and a warning says so. A damaged file that the user
named does, because they asked for that one. Fetching is in `update.py`.
"""

import json
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from scanner.core.errors import InvalidInput, RegistryUnusable, Warn
from scanner.core.registry.changes import changes
from scanner.core.registry.csv import parse_iana_csv
from scanner.core.registry.registry import Registry
from scanner.files import folders
from scanner.files.text import read_bytes
from scanner.registry.plausible import check_plausible

MOST_REGISTRY_BYTES = 16 << 20
"""No registry is larger; IANA's has 1.2 MB."""


def load_registry(path: Path | None = None, *, warn: Warn = lambda _: None, folder: Path | None = None) -> Registry:
    """Return the registry: `path` if given, else the updated copy in `folder`, else the bundled snapshot.

    `folder` is by default the user's data folder. `warn` takes a line when a damaged copy is passed over.

    Raises:
        RegistryUnusable: `path` is not a whole registry, or lacks many of the bundled snapshot's assignments.
    """
    if path is not None:
        return load_file(path)
    if folder is None:
        with suppress(RegistryUnusable):  # a user without a home has no updated copy
            folder = registry_folder()
    return (load_updated(folder, warn=warn) if folder else None) or load_bundled()


def load_file(path: Path) -> Registry:
    """Return the registry in a file that the user named.

    Raises:
        RegistryUnusable: it is not a whole registry, or lacks many of the bundled snapshot's assignments.
    """
    registry = parse_iana_csv(read_file(path), source=str(path))
    force = f"`scanner registry update --from {path} --force` uses it all the same"
    check_plausible(changes(load_bundled(), registry), str(path), force=force)
    return registry


def load_updated(folder: Path, *, warn: Warn) -> Registry | None:
    """Return the registry that `registry update` left in `folder`, if there is one that is whole."""
    copy = cache_file(folder)
    try:
        if not copy.is_file():
            return None
        data = read_file(copy)
        return parse_iana_csv(data, source=read_origin(folder, data).source or str(copy))
    except (RegistryUnusable, OSError) as error:
        warn(f"the updated registry is damaged, the bundled one is used instead: {error}")
        return None


def load_bundled() -> Registry:
    """Return the snapshot that ships with the program."""
    data, provenance = bundled_file("snapshot.csv"), json.loads(bundled_file("provenance.json"))
    return parse_iana_csv(data, source=provenance["source"], date=provenance["date"])


def bundled_file(name: str) -> bytes:
    """Return a file of the package's registry folder. Not by importlib.resources: that costs a third of the start."""
    return (Path(__file__).parents[1] / "data" / "registry" / name).read_bytes()


def registry_folder() -> Path:
    """Return the user's data folder for this program. It may not exist. Raises RegistryUnusable where there is none."""
    return folders.data_folder(RegistryUnusable)


def cache_file(folder: Path) -> Path:
    """Return where the updated registry is kept."""
    return folder / "service-names-port-numbers.csv"


def origin_file(folder: Path) -> Path:
    """Return where the origin of the updated registry is recorded."""
    return folder / "service-names-port-numbers.json"


@dataclass(frozen=True, slots=True)
class Origin:
    """The origin of an updated registry."""

    source: str = ""
    """The address or file; empty if it is not known."""
    etag: str = ""
    """The server's tag for that version; empty if it gave none."""
    sha256: str = ""
    """Hex digest of the bytes that this is said of."""


def read_origin(folder: Path, data: bytes) -> Origin:
    """Return the origin of `data`, the registry kept in `folder`; unknown unless it was recorded for these very bytes.

    The registry and its origin are two files, replaced one after the other: the digest ties them together.
    """
    try:
        origin = Origin(**json.loads(origin_file(folder).read_bytes()))
    except (OSError, ValueError, TypeError):
        return Origin()
    return origin if origin.sha256 == sha256(data).hexdigest() else Origin()


def read_file(path: Path) -> bytes:
    """Return the bytes of a registry file of a size that one can have. Raises RegistryUnusable."""
    try:
        return read_bytes(path, most=MOST_REGISTRY_BYTES)
    except InvalidInput as error:
        raise RegistryUnusable(str(error)) from None
