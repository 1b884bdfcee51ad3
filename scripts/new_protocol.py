"""Make the skeleton of a protocol: a row in its family, and a test that fails until the row is filled in.

    scripts/new-protocol NAME FAMILY

FAMILY is a file of `scanner/core/recognise/protocols/`, without `.py`. A protocol touches these two files and no other.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]

_ROW = """    Protocol(
        "{name}",
        ProtocolKind.TOOL,
        "",  # the specification, with its section
        iana_names="",
        default_ports=(),
        recognise=(row("{name}", rb"(?!)"),),  # what its server sends; or hello=Hello(b"...", (function,))
    ),
"""

_TEST = '''"""{name}: what its server sends, from the specification."""

from scanner.core.recognise.hellos import recognise
from scanner.core.recognise.identity import ProtocolMatch

ANSWER = b""
"""Bytes of a real server, or of the specification's own example."""


def test_the_answer_of_{word}_is_recognised() -> None:
    assert recognise(ANSWER) == ProtocolMatch("{name}")


def test_an_answer_of_{word}_cut_short_is_never_taken_for_another_protocol() -> None:
    found = [recognise(ANSWER[:end]) for end in range(1, len(ANSWER))]
    assert {{match.protocol for match in found if match and match.certain}} <= {{"{name}"}}
'''


def make(name: str, family: str, root: Path = ROOT) -> list[Path]:
    """Write the skeleton of protocol `name` below `root` and return the files.

    Raises:
        ValueError: the name or the family cannot be, or the protocol is there already.
    """
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,30}", name):
        raise ValueError(f"{name!r}: a protocol's name is lower case letters, digits and hyphens")
    rows = root / "scanner/core/recognise/protocols" / f"{family}.py"
    families = sorted(path.stem for path in rows.parent.glob("[a-z]*.py"))
    if family not in families:
        raise ValueError(f"{family!r}: the families are {', '.join(families)}")
    if any(f'"{name}",\n        ProtocolKind.' in path.read_text() for path in rows.parent.glob("*.py")):
        raise ValueError(f"{name!r} has a row already")
    text = rows.read_text()
    end = text.index("\n)\n", text.index("tuple[Protocol, ...] = (")) + 1
    rows.write_text(text[:end] + _ROW.format(name=name) + text[end:])
    word = name.replace("-", "_")
    test = root / "tests/core/recognise/protocols" / f"test_{word}.py"
    test.parent.mkdir(parents=True, exist_ok=True)
    test.write_text(_TEST.format(name=name, word=word))
    return [rows, test]


def main(arguments: list[str]) -> int:
    """Run the script; return its exit status."""
    if len(arguments) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        files = make(arguments[0], arguments[1])
    except ValueError as error:
        print(f"new-protocol: {error}", file=sys.stderr)
        return 2
    for path in files:
        print(path.relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
