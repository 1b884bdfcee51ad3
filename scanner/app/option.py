"""How one option is declared: once, beside its field in `ScanOptions`, with everything that fronts need to know.

From a declaration the command line makes its flag and help (`cli/signature.py`), the audit file its key
(`app/audit_options.py`), and the history what `scanner resume` needs (`app/saved_options.py`). `Kind` says what sort of
value it is; each of those three has one table from kinds to what it does with them.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum, auto
from typing import Any


class Kind(Enum):
    """The sort of value that an option takes."""

    TARGETS = auto()
    """Target words: the arguments of a command."""
    WORDS = auto()
    """Words, given several times."""
    PORTS = auto()
    """Port words, given several times."""
    FILES = auto()
    """Paths of files to read, given several times; `-` is standard input."""
    FILE = auto()
    """The path of one file to read or write."""
    TEXT = auto()
    """Any text."""
    INTERFACE = auto()
    """The name of a network interface."""
    RATE = auto()
    """A number of probes per second; `10k` and `1M` are understood, 0 is unlimited."""
    SECONDS = auto()
    """A time in seconds."""
    COUNT = auto()
    """A whole number, 0 or more."""
    RETRIES = auto()
    """A whole number, or `auto`, which is None."""
    CHOICE = auto()
    """One word of an enumeration."""
    FLAG = auto()
    """On or off."""
    VERBOSITY = auto()
    """A flag that counts how often it is given."""
    OUTPUTS = auto()
    """Where results are written. The command line has several flags for it (`cli/output_words.py`)."""
    INTERNAL = auto()
    """Set by a front or by the library's caller, never by a flag."""


class Panel(StrEnum):
    """The headings under which the help lists options."""

    TARGETS = "What to scan"
    PROBES = "How to probe"
    JUDGEMENT = "How to judge"
    OUTPUT = "What to write"


@dataclass(frozen=True, slots=True)
class Option:
    """What fronts need to know of one field of `ScanOptions`."""

    kind: Kind
    """The sort of value."""
    help: str = ""
    """The help sentence; empty for what no front shows."""
    flags: tuple[str, ...] = ()
    """The flags; without any, the field's name with dashes."""
    metavar: str = ""
    """How the help names the value."""
    panel: Panel = Panel.TARGETS
    """The heading under which the help lists it."""
    most: int | None = None
    """The largest number allowed, where there is one."""
    audit: bool = False
    """Whether an audit file may set it, under the field's name."""
    kept: bool = True
    """Whether a resumed sweep keeps it."""


_KEY = "option"


def option(default: Any, kind: Kind, text: str = "", *flags: str, **more: Any) -> Any:
    """Declare a dataclass field that is an option; `more` are fields of `Option`."""
    declared = Option(kind, text, flags, **more)
    return dataclasses.field(default=default, metadata={_KEY: declared})


def options_of(declaring: Any) -> Mapping[str, tuple[Option, Any]]:
    """Return each option of a dataclass by field name, with its default, in the order of declaration."""
    return {
        field.name: (field.metadata[_KEY], field.default)
        for field in dataclasses.fields(declaring)
        if _KEY in field.metadata
    }
