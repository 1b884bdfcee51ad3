"""Makes text that others wrote harmless to show: banners, names, lines of a user's file.

A banner may hold escape sequences that repaint a terminal or write to its clipboard (OSC 52), bidirectional marks
that make a line read as something else (CVE-2021-42574), or a formula that a spreadsheet runs. Three steps make it
harmless: every character that is not seen is written as its Python escape (`\\x1b`, `\\u202e`), the length is bounded
with a visible mark, and for CSV a place where a spreadsheet would begin a formula gets an apostrophe.

What is seen survives: any script, accents, ideographs, plain spaces. What is not seen goes: Unicode's general
categories of controls, formats, surrogates, private and unassigned code points and line separators (UAX #44), and
the few letters and marks that are invisible all the same (Default_Ignorable_Code_Point). Joiners in Persian or
emoji are among these: they are shown as escapes, because the same joiners hide text.

All functions are idempotent, so text may pass several of them. They are for reading, not for restoring: a
backslash that was there before looks like one of ours.
"""

import re
import unicodedata

TEXT_LIMIT = 2000
"""How many characters of foreign text are kept; a spreadsheet's cell holds 32,767."""

CUT = "…[cut]"
"""What stands at the end of text that was longer than its limit."""

_UNSEEN = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})

_IGNORABLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
"""Default-ignorable code points outside those categories (Unicode 16, DerivedCoreProperties)."""

_FORMULA = re.compile('(?:^|(?<=;))(?=[\\s"]*[=+\\-@\u2212\ufe62\ufe63\ufe66\ufe6b\uff0b\uff0d\uff1d\uff20])')
"""Where a spreadsheet begins a formula: at the start, and after `;`, which Excel takes for the separator where the
comma is the decimal mark. Blanks and quotes before the sign do not help. Full-width and small forms count too."""


def sanitise(text: str, *, limit: int = TEXT_LIMIT) -> str:
    """Return `text` as one line without any unseen character, `limit` characters at most (no less than the mark)."""
    return _bounded(_seen(text[: limit + 1]), limit)


def inert_bytes(data: bytes, *, limit: int = TEXT_LIMIT) -> str:
    """Return bytes from the network as sanitised text: UTF-8 where they are that, `\\xff` for each byte that is not."""
    return sanitise(data[: 4 * limit + 4].decode("utf-8", "backslashreplace"), limit=limit)


def csv_cell(text: str, *, limit: int = TEXT_LIMIT) -> str:
    """Return `text` sanitised, and such that no spreadsheet runs it: `'=1+1`.

    Also for what looks like a number (`-5`): no text column of ours holds negative numbers, and `-5+cmd|...` begins
    like one. An apostrophe that is there already is left alone, since it makes a spreadsheet take the rest as text.
    """
    return _bounded(_FORMULA.sub("'", _seen(text[: limit + 1])), limit)


def is_inert(text: str) -> bool:
    """Return whether every character of `text` is visible."""
    if text.isascii():  # most of it, and much faster
        return text.isprintable()
    return not _IGNORABLE.search(text) and (text.isprintable() or all(map(_is_seen, text)))


def _seen(text: str) -> str:
    if is_inert(text):
        return text
    return "".join(char if is_inert(char) else _escape(char) for char in text)


def _is_seen(char: str) -> bool:
    return unicodedata.category(char) not in _UNSEEN


def _escape(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")


def _bounded(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - len(CUT)] + CUT
