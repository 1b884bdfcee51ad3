"""A scan that another program made, as a value: judged, and kept nowhere."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from scanner.app.exit_status import FailOn, exit_status
from scanner.app.importing import import_file, parse_hosts
from scanner.app.judging import read_judging
from scanner.app.options import FilePath
from scanner.app.result import ScanResult
from scanner.history.database import Database
from scanner.history.store import Store

if TYPE_CHECKING:
    from scanner.core.policy.policy import Policy
    from scanner.core.registry.registry import Registry
    from scanner.core.rules.rule import Rule


def load_scan(
    path: FilePath,
    *,
    registry: "FilePath | Registry | None" = None,
    policy: "FilePath | Policy | None" = None,
    rules: "tuple[Rule, ...]" = (),
    host: Sequence[str] = (),
    fail_on: FailOn = FailOn.LOW,
) -> ScanResult:
    """Return the result of a scan in a file of nmap, masscan, naabu, zmap, RustScan, ss, netstat, osquery or our own.

    `host` are the addresses of the machine on which a list of listening sockets was made. What the file does not say is
    unknown, so `result.complete` is only true where it says everything.

    Raises:
        InvalidInput: the file cannot be read, or not to its end; with the line.
        RegistryUnusable: `registry` is not a whole registry.
    """
    notes: list[str] = []
    judging = read_judging(registry, policy, now=datetime.now(UTC), warn=notes.append, rules=rules)
    with TemporaryDirectory() as folder, Database(Path(folder) / "scan.db", create=True) as database:
        found = import_file(path, database, judging, hosts=parse_hosts(host), warn=notes.append)
        judged = tuple(Store(database).judged(found.sweep))
    summary = replace(found.summary, notes=(*notes, *found.summary.notes))
    return ScanResult(judged, summary, exit_status(summary, fail_on))
