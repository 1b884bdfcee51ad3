"""Print differences between sweeps: the changes on standard output, their number and what was compared on stderr."""

import sys
from collections import Counter
from collections.abc import Iterable, Iterator

import typer

from scanner.core.diff import Difference
from scanner.core.errors import InvalidInput
from scanner.outputs.changes import change_csv, change_json, change_lines


def one_format(*, as_json: bool, csv: bool) -> None:
    """Check that at most one format is asked for. Raises InvalidInput."""
    if as_json and csv:
        raise InvalidInput("two formats are given", where="--csv/--json", cure="choose one of them")


def print_changes(found: Iterable[Difference], *, as_json: bool, csv: bool, title: str, compared: str = "") -> None:
    """Print differences as they are found, then one line that counts them and says how much was compared."""
    counts: Counter[str] = Counter()
    write = change_json if as_json else change_csv if csv else change_lines
    sys.stdout.writelines(f"{line}\n" for line in write(_counted(found, counts)))
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(counts.items())) or "nothing changed"
    typer.echo(f"{title}: {kinds}" + (f"; {compared}" if compared else ""), err=True)


def _counted(found: Iterable[Difference], counts: Counter[str]) -> Iterator[Difference]:
    for each in found:
        counts[each.change] += 1
        yield each
