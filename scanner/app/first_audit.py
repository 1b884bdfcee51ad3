"""The files of a first audit, made from one stored sweep: nothing is asked, nothing is overwritten.

What a sweep cannot know is marked REVIEW: owners, and by whose word is scanned. A permission is never invented: public
addresses are left out of the scope that is written, and the audit is refused until a person puts them in.
"""

import os
import shlex
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from ipaddress import summarize_address_range
from pathlib import Path

from scanner.core.errors import InvalidInput, OutputFailed, os_problem
from scanner.core.policy.draft import draft_policy, toml_text
from scanner.core.targets.ports import PortSet, port_words
from scanner.core.targets.ranges import Span, Spans, intersect, subtract
from scanner.core.targets.scope import FREE
from scanner.core.targets.targets import to_address
from scanner.history.store import Store
from scanner.history.stored import StoredSweep

SHARED = 3
"""Hosts from which on a common port is one entry of the policy."""
FOLDERS = ("reports", "state")
_VALID = timedelta(days=365)


def first_audit(store: Store, sweep: StoredSweep, folder: Path, *, program: str, now: datetime) -> Mapping[str, str]:
    """Return the text of each file by its name; `folder` is where they will lie, `program` what cron is to run.

    `now` is aware; the scope is valid for a year from it.
    """
    name = sweep.audit or folder.name or "audit"
    ranges, audit = sweep.plan.targets.ranges, folder / "audit.toml"
    return {
        "audit.toml": _lines(_audit(name, sweep)),
        "policy.toml": _lines(draft_policy(name, sweep.id, store.judged(sweep), shared=SHARED)),
        "scope.toml": _lines(_scope(name, ranges, now)),
        "crontab": _lines(_crontab(program, audit)),
        "scanner-sweep.service": _lines(_service(name, program, folder, audit)),
        "scanner-sweep.timer": _TIMER,
    }


def write_first_audit(folder: Path, files: Mapping[str, str]) -> None:
    """Write the files and make the folders beside them.

    Raises:
        InvalidInput: one of the files is there already; nothing is written then.
        OutputFailed: a file cannot be written.
    """
    there = [name for name in files if os.path.lexists(folder / name)]
    if there:
        raise InvalidInput(
            f"{', '.join(there)} there already; nothing is overwritten", where=str(folder), cure="name another folder"
        )
    try:
        for each in FOLDERS:
            (folder / each).mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            with (folder / name).open("x", encoding="utf-8") as file:
                file.write(text)
    except OSError as error:
        raise OutputFailed(f"{error.filename}: cannot be written: {os_problem(error).lower()}") from None


def _lines(lines: Iterator[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _audit(name: str, sweep: StoredSweep) -> Iterator[str]:
    plan = sweep.plan
    yield f"# A nightly audit, made from sweep {sweep.id}. Try it first: scanner sweep --dry-run audit.toml"
    yield f"name = {toml_text(name)}"
    yield from _listed("targets", map(str, plan.targets.ranges))
    yield from _listed("ports", port_words(PortSet(plan.ports, plan.udp_ports)))
    yield "policy = 'policy.toml'"
    yield "scope = 'scope.toml'"
    yield "history = 'state/history.db'"
    yield "only_changes = true                    # nothing new, no mail"
    yield ""
    yield "[outputs]"
    yield 'csv = "reports/findings-{date}.csv"    # reports/latest.csv always is the newest'
    yield 'html = "reports/{date}.html"'


def _scope(name: str, ranges: Spans, now: datetime) -> Iterator[str]:
    yield "# What may be probed, by whose word, until when. What lies outside stops a run before its first probe."
    yield "# Private networks and loopback need no permission here, but yours to be on them."
    yield f"name = {toml_text(name)}"
    yield from _listed("networks", _networks(intersect(ranges, FREE)) or ["127.0.0.0/8"])
    for network in _networks(subtract(ranges, FREE)):
        yield f"# Left out: {network} is public. Add it when its owner has permitted the scan, and write down how."
    yield 'owner = "REVIEW: whose networks are these?"'
    yield 'authorisation = "REVIEW: by whose word are they scanned? letter, ticket, date"'
    yield f"valid_from = {now:%Y-%m-%d}"
    yield f"valid_until = {now + _VALID:%Y-%m-%d}"


def _crontab(program: str, audit: Path) -> Iterator[str]:
    command = f"{shlex.quote(program)} {{}} {shlex.quote(str(audit))}".replace("%", r"\%")
    yield "# Every night at a quarter past two; cron mails what scanner says: nothing, until something changes."
    yield f"15 2 * * *  {command.format('sweep')}"
    yield f"@reboot     {command.format('resume')}"


def _service(name: str, program: str, folder: Path, audit: Path) -> Iterator[str]:
    run, file = _quoted(program), _quoted(str(audit))
    yield "[Unit]"
    yield f"Description=Nightly port sweep: {' '.join(name.replace('%', '%%').split())}"
    yield "Wants=network-online.target"
    yield "After=network-online.target"
    yield ""
    yield "[Service]"
    yield "Type=oneshot"
    yield "# A night that a reboot cut short is finished first; without one this does nothing."
    yield f"ExecStartPre=-{run} resume {file}"
    yield f"ExecStart={run} sweep {file}"
    yield f"WorkingDirectory={str(folder).replace('%', '%%')}"
    yield f"Environment={_quoted(f'XDG_STATE_HOME={folder / FOLDERS[1]}')}"
    yield "# SYN probes need this one right; without it the sweep connects instead."
    yield "AmbientCapabilities=CAP_NET_RAW"
    yield "CapabilityBoundingSet=CAP_NET_RAW"
    yield "NoNewPrivileges=yes"
    yield "ProtectSystem=full"
    yield "PrivateTmp=yes"
    yield "PrivateDevices=yes"
    yield "Nice=10"
    yield "TimeoutStartSec=12h"


_TIMER = """\
# Start the nightly sweep. systemctl enable --now scanner-sweep.timer
[Unit]
Description=Nightly port sweep

[Timer]
OnCalendar=*-*-* 02:15:00
RandomizedDelaySec=10min
# A night on which the machine was off is made up for.
Persistent=yes

[Install]
WantedBy=timers.target
"""


def _quoted(text: str) -> str:
    """Return a word for a unit file (systemd.syntax(7), "Quoting")."""
    escaped = text.replace("\\", r"\\").replace('"', r"\"").replace("%", "%%").replace("$", "$$")
    return f'"{escaped}"' if any(mark in text for mark in " '\"\\;") else escaped


def _networks(spans: Iterable[Span]) -> list[str]:
    """Return spans as networks."""
    found: list[str] = []
    for span in spans:
        first, last = to_address(span.version, span.first), to_address(span.version, span.last)
        found += map(str, summarize_address_range(first, last))
    return found


def _listed(key: str, words: Iterable[str]) -> Iterator[str]:
    texts = [toml_text(word) for word in words]
    if len(texts) <= 4:
        yield f"{key} = [{', '.join(texts)}]"
        return
    yield f"{key} = ["
    for start in range(0, len(texts), 6):
        yield f"  {', '.join(texts[start : start + 6])},"
    yield "]"
