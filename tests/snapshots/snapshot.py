"""Text files that record what users read: compared by default, rewritten with `pytest --update-snapshots`.

Whatever differs between two runs or machines is replaced first (`normalise`), so that a changed file means changed
wording. A failing comparison prints the difference; an update leaves it to `git diff`.
"""

import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path

import pytest

from scanner import __version__
from scripts.help_pages import typer_series

FOLDER = Path(__file__).parent
HOW = "run `pytest tests/snapshots --update-snapshots`, then read the change in `git diff`"

_VARIABLE: tuple[tuple[str, str], ...] = (
    (r"\b\d{8}T\d{6}Z-[0-9a-f]{4,}\b", "SWEEP-ID"),
    (r"\b[0-9a-f]{64}\b", "SHA256"),
    (r"(?<=sha256 )[0-9a-f]{12}\b", "SHA256"),
    (r"(?<=IANA, )\d{4}-\d\d-\d\d", "DATE"),
)
"""Patterns of what changes from run to run, and the words that stand for it."""

Command = Callable[..., tuple[int, str, str]]


def normalise(text: str, *folders: Path) -> str:
    """Return `text` with this program's version, ids, digests and the given folders replaced by words."""
    for folder in folders:
        text = text.replace(str(folder), "FOLDER")
    for pattern, word in _VARIABLE:
        text = re.sub(pattern, word, text)
    return text.replace(f"scanner {__version__}", "scanner VERSION")


@dataclass(frozen=True, slots=True)
class Snapshots:
    """Compares texts with the files beside this module, or rewrites these."""

    update: bool
    """Whether files are written instead of compared."""
    folder: Path = FOLDER
    """Where the files are."""

    def check(self, name: str, text: str) -> None:
        """Fail with a difference unless file `name` holds `text`; with `update`, write it there."""
        path = self.folder / name
        if self.update:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode())
            return
        kept = path.read_bytes().decode() if path.exists() else ""
        change = unified_diff(kept.splitlines(), text.splitlines(), f"{name} (kept)", f"{name} (now)", lineterm="")
        assert kept == text, "\n".join(["the text that users read has changed:", *change, HOW])


def transcript(text: str, run: Command, folder: Path) -> str:
    """Return a session file with each `$ scanner ...` line followed by what the command now prints.

    Standard output comes first, then standard error, then `[N]` for an exit status other than 0. Comments (`#`) and
    blank lines are kept; everything else is output and replaced.
    """
    lines: list[str] = []
    for line in text.splitlines():
        if line.startswith("#"):
            lines.append(line)
        elif line.startswith("$ scanner"):
            status, out, err = run(*shlex.split(line)[2:])
            output = normalise(out + err, folder).splitlines()
            lines += [line, *output, *([f"[{status}]"] if status else []), ""]
    return "\n".join(lines)


def skip_with_another_typer(snapshots: Snapshots) -> None:
    """Skip the test where typer is not of the version with which its texts were recorded; with `update`, record it."""
    recorded = FOLDER / "help" / "typer-series"
    if snapshots.update:
        recorded.write_text(f"{typer_series()}\n")
    elif (kept := recorded.read_text().strip()) != typer_series():
        pytest.skip(f"recorded with typer {kept}; here is {typer_series()}, which words and lays out usage itself")
