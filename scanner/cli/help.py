"""How help looks: options under headings, as wide as the terminal, with examples and the words of other scanners."""

import shutil
import textwrap
from collections.abc import Iterator
from typing import Any

from typer.core import TyperCommand

from scanner.app.exit_status import EXIT_STATUS_HELP
from scanner.cli.foreign_words import UNDERSTOOD

NARROWEST, WIDEST = 60, 120
"""Help follows the terminal within these columns."""

EXAMPLES = """\
Examples:
  scanner scan 192.168.1.0/24
  scanner scan 10.0.0.0/24 -p unassigned,22 --policy policy.toml -o new.csv
  sudo scanner scan 10.0.0.0/16 -sS -p- --rate 20k --discover --json"""


def width() -> int:
    """Return the columns that help may use."""
    return min(max(shutil.get_terminal_size().columns, NARROWEST), WIDEST)


class Grouped(TyperCommand):
    """A command whose help lists its options under the headings that they were declared with."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write one section a heading, in the order of declaration."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None:
                sections.setdefault(_heading(parameter), []).append(record)
        for heading, records in sections.items():
            with formatter.section(heading):
                formatter.write_dl(records)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 - click hands it over
        """Write the epilog as it stands; its lines are laid out already."""
        if self.epilog:
            formatter.write("\n" + self.epilog + "\n")


def _heading(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return "Arguments"
    return str(getattr(parameter, "rich_help_panel", None) or "Help")


def scan_epilog() -> str:
    """Return what stands under the options of `scanner scan`."""
    return "\n\n".join([EXAMPLES, "\n".join(_foreign()), "\n".join(_wrapped(EXIT_STATUS_HELP, ""))])


def _foreign() -> Iterator[str]:
    yield "Words of nmap and others that are understood:"
    said = ", ".join(f"{word} ({meant.help})" for word, meant in UNDERSTOOD.items() if meant.help)
    yield from _wrapped(f"{said}, -T0 to -T5 (pace). Any other is answered with what to use instead.", "  ")


def _wrapped(text: str, indent: str) -> list[str]:
    return textwrap.wrap(text, width() - 2, initial_indent=indent, subsequent_indent=indent)
