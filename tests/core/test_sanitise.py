"""Text of others is shown, not obeyed."""

import pytest

from scanner.core.sanitise import CUT, TEXT_LIMIT, csv_cell, inert_bytes, is_inert, sanitise

ESCAPED = {
    "ansi": ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
    "clipboard": ("\x1b]52;c;aGk=\x07", r"\x1b]52;c;aGk=\x07"),
    "c1": ("\x9b31m", r"\x9b31m"),
    "lines": ("a\r\nb\tc", r"a\r\nb\tc"),
    "separators": ("a\u2028b\u2029c\x85d", r"a\u2028b\u2029c\x85d"),
    "bidi": ("\u202eexe.txt\u2066", r"\u202eexe.txt\u2066"),
    "zero width": ("pay\u200bpal\ufeff", r"pay\u200bpal\ufeff"),
    "nul": ("\x00", r"\x00"),
    "lone surrogate": ("\udcff\ud800", r"\udcff\ud800"),
    "tags": ("\U000e0041", r"\U000e0041"),
    "variation selectors": ("a\ufe0f\U000e0101", r"a\ufe0f\U000e0101"),
    "private use": ("\ue000", r"\ue000"),
    "no character": ("\uffff", r"\uffff"),
    "blank letters": ("\u3164\u115f\uffa0", r"\u3164\u115f\uffa0"),
}


@pytest.mark.parametrize(("text", "shown"), ESCAPED.values(), ids=ESCAPED.keys())
def test_what_is_not_seen_is_shown_as_an_escape(text: str, shown: str) -> None:
    assert sanitise(text) == shown
    assert not is_inert(text)
    assert is_inert(shown)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nginx/1.25 (Debian)",
        "Größe café",
        "москва",
        "東京サーバ",
        "مرحبا",
        "שלום",
        "हिन्दी",
        "한국어",
        "😀",
        "a b",
        "a\u00a0b",
    ],
)
def test_ordinary_text_of_any_script_survives(text: str) -> None:
    assert sanitise(text) == text


def test_long_text_is_cut_visibly() -> None:
    cut = sanitise("x" * (TEXT_LIMIT + 1))
    assert cut.endswith(CUT)
    assert len(cut) == TEXT_LIMIT
    assert sanitise("x" * TEXT_LIMIT) == "x" * TEXT_LIMIT
    assert len(sanitise("\x1b" * 10_000_000)) == TEXT_LIMIT


def test_bytes_are_read_as_utf8_or_shown_byte_by_byte() -> None:
    assert inert_bytes("é\x1b".encode() + b"\xff\xfe") == r"é\x1b\xff\xfe"
    assert len(inert_bytes(b"\xff" * 10_000_000)) == TEXT_LIMIT


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1",
        "-5",
        "@SUM(A1)",
        "  =1",
        '"=1',
        '" =1',
        "\u00a0=1",
        "\uff1d1",
        "\uff0b1",
        "\uff0d1",
        "\uff201",
        "\u22121",
        "-",
    ],
)
def test_what_begins_like_a_formula_gets_an_apostrophe(text: str) -> None:
    assert csv_cell(text) == "'" + text


def test_a_formula_after_a_semicolon_is_one_too() -> None:
    """Where the comma is the decimal mark, Excel splits lines at semicolons."""
    assert csv_cell('ssh; "=cmd|x') == "ssh;' \"=cmd|x"


def test_tab_and_return_cannot_begin_a_formula() -> None:
    assert csv_cell("\t=1") == r"\t=1"
    assert csv_cell("\r=1") == r"\r=1"


@pytest.mark.parametrize("text", ["", "ssh", "10.0.0.1", "2001:db8::1", "a=b", "SSH-2.0-x", "2026-02-13", "'=1"])
def test_other_cells_stay(text: str) -> None:
    assert csv_cell(text) == text
