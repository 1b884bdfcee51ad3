"""Error messages and pages as sessions: each file holds command lines (`$ scanner ...`) and what they print.

To add a case, write its `$` line into a file under errors/ or pages/ and update. Nothing here leaves this machine.
"""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from scanner.core.registry.csv import IANA_COLUMNS
from scanner.engines import choose
from tests.snapshots.snapshot import FOLDER, Command, Snapshots, skip_with_another_typer, transcript

ERRORS = sorted((FOLDER / "errors").glob("*.txt"))
PAGES = sorted((FOLDER / "pages").glob("*.txt"))

TARGETS = 'name = "Office"\ntargets = ["127.0.0.1"]\n'
HEADING = ",".join(IANA_COLUMNS)
ENTRY = 'name = "Office"\n[[expect]]\nname = "server"\nowner = "IT"\n'
FILES: dict[str, bytes] = {
    "hosts.txt": b"127.0.0.1\n10.0.0.300\n",
    "nul.txt": b"127.0.0.1\n\0\n",
    "latin1.txt": b"127.0.0.1\nd\xfcsseldorf\n",
    "syntax.toml": b'name = "Office"\nowner = IT\n',
    "latin1.toml": b'name = "B\xfcro"\n',
    "nul.toml": b'name = "Office"\n\0\n',
    "empty.toml": b"",
    "unknown-key.toml": f'{TARGETS}colour = "red"\n'.encode(),
    "no-targets.toml": b'name = "Office"\n',
    "bad-target.toml": b'name = "Office"\ntargets = ["10.0.0.300"]\n',
    "bad-type.toml": f"{TARGETS}rate = true\n".encode(),
    "bad-placeholder.toml": f'{TARGETS}[outputs]\ncsv = "{{week}}.csv"\n'.encode(),
    "bad-braces.toml": f'{TARGETS}[outputs]\ncsv = "x{{.csv"\n'.encode(),
    "braces-in-folder.toml": f'{TARGETS}[outputs]\ncsv = "{{date}}/x.csv"\n'.encode(),
    "policy-no-networks.toml": f'{ENTRY}ports = ["ssh"]\n'.encode(),
    "policy-no-ports.toml": f'{ENTRY}networks = ["10.0.0.1"]\n'.encode(),
    "policy-bad-port.toml": f'{ENTRY}networks = ["10.0.0.1"]\nports = ["nonesuch"]\n'.encode(),
    "policy-bad-network.toml": f'{ENTRY}networks = ["10.0.0.1/33"]\nports = ["ssh"]\n'.encode(),
    "policy-address-as-host.toml": f'{ENTRY}hosts = ["10.0.0.1"]\nports = ["ssh"]\n'.encode(),
    "policy-bad-severity.toml": b'name = "Office"\n[severity]\nopen-unassigned = "urgent"\n',
    "policy-bad-rule.toml": b'name = "Office"\n[severity]\nopen-unasigned = "high"\n',
    "scope.toml": (
        b'name = "Spring audit"\nowner = "Example GmbH"\nauthorisation = "Contract 2026-117"\n'
        b'networks = ["198.51.100.0/24"]\nvalid_from = 2026-01-01\nvalid_until = 2999-12-31\n'
    ),
    "scope-over.toml": (
        b'name = "Spring audit"\nowner = "Example GmbH"\nauthorisation = "Contract 2026-117"\n'
        b'networks = ["198.51.100.0/24"]\nvalid_from = 2020-01-01\nvalid_until = 2020-12-31\n'
    ),
    "scope-no-owner.toml": b'name = "Spring audit"\nnetworks = ["198.51.100.0/24"]\n',
    "scope-multicast.toml": (
        b'name = "Spring audit"\nowner = "Example GmbH"\nauthorisation = "x"\nnetworks = ["224.0.0.0/4"]\n'
        b"valid_from = 2026-01-01\nvalid_until = 2999-12-31\n"
    ),
    "html.csv": b"<!doctype html>\n<title>Not Found</title>\n",
    "other.csv": b"a,b\n1,2\n",
    "nul.csv": b"Service Name,Port Number\n\0",
    "latin1.csv": b"Service Name,Port Number\nB\xfcro,1\n",
    "empty.csv": b"",
    "no-date.csv": f"{HEADING}\nssh,22,tcp,,,,,,,\n".encode(),
    "part.csv": f"{HEADING}\nssh,22,tcp,,,2026-01-01,,,,\n".encode(),
    "short-row.csv": f"{HEADING}\nssh,22,tcp\n".encode(),
    "bad-port.csv": f"{HEADING}\nssh,0x16,tcp,,,2026-01-01,,,,\n".encode(),
    "utf16.txt": "10.0.0.1\n".encode("utf-16"),
    "nested.toml": b"name = " + b"[" * 5000 + b"]" * 5000,
    "policy.toml": f'{ENTRY}networks = ["10.0.0.1"]\nports = ["ssh"]\n'.encode(),
    "not-a-database.db": b"this is not a database, whatever its name says\n" * 30,
}
"""Files that the sessions name, by content. Beside them `empty-folder` is a folder, `stored.db` a history with two
sweeps of one closed port, and `newer.db` a history of a later version."""

RIGHTS = {"unprivileged": "no right to open a raw socket", "privileged": ""}
"""Why no raw packet can be sent, in the sessions of that name; empty where it can. Nothing is sent either way."""


@pytest.fixture
def session(at_80_columns: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs commands in a folder that holds `FILES`."""
    for name, data in FILES.items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / "empty-folder").mkdir()
    with closing(sqlite3.connect(tmp_path / "newer.db")) as newer:
        newer.execute("PRAGMA user_version = 9999")
        newer.execute("CREATE TABLE later (x)")
    return at_80_columns


@pytest.fixture
def rights(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make raw sockets allowed or denied for the sessions that say so by their name."""
    if path.stem in RIGHTS:
        monkeypatch.setattr(choose, "why_not_raw", lambda **_: RIGHTS[path.stem])


@pytest.fixture
def stored(path: Path, session: Command, tmp_path: Path) -> None:
    """Store two sweeps of one port of loopback for the session about histories."""
    if "history" in path.stem:
        for _ in range(2):
            session("scan", "127.0.0.1", "-p", "1", "-sT", "-q", "--history", tmp_path / "stored.db")


@pytest.mark.usefixtures("rights", "stored")
@pytest.mark.parametrize("path", ERRORS + PAGES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_session_prints_what_is_recorded(path: Path, session: Command, snapshots: Snapshots, tmp_path: Path) -> None:
    if path.stem == "usage":
        skip_with_another_typer(snapshots)
    snapshots.check(f"{path.parent.name}/{path.name}", transcript(path.read_text(), session, tmp_path))


@pytest.mark.parametrize("path", ERRORS, ids=lambda path: path.stem)
def test_every_recorded_error_is_one_line_and_a_promised_status(path: Path) -> None:
    for block in path.read_text().split("$ scanner")[1:]:
        output = [line for line in block.splitlines()[1:] if line and not line.startswith("#")]
        assert len(output) == 2, block
        assert output[0].startswith("scanner: "), block
        assert output[1] in {"[2]", "[3]", "[4]", "[5]"}, block
