"""Whatever comes in, what goes out is sanitised, bounded, and stays as it is when it passes again."""

import unicodedata

from hypothesis import example, given
from hypothesis import strategies as st

from scanner.core.sanitise import CUT, csv_cell, inert_bytes, is_inert, sanitise

ANY_TEXT = st.text(st.characters(codec=None, categories=None)) | st.text(
    st.sampled_from("=+-@;,'\" \t\r\n\x00\x1b\x9b\u202e\u2028\ufeff\ud800\uff1da1")
)
LIMITS = st.integers(len(CUT), 40)
FORBIDDEN = {"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"}


@given(ANY_TEXT, LIMITS)
@example("\x1b" * 9, 8)
def test_inert(text: str, limit: int) -> None:
    shown = sanitise(text, limit=limit)
    assert not {unicodedata.category(char) for char in shown} & FORBIDDEN
    assert is_inert(shown)
    assert len(shown) <= limit
    assert len(shown.splitlines()) <= 1
    assert sanitise(shown, limit=limit) == shown


@given(ANY_TEXT, LIMITS)
@example(";" * 20 + "=", 20)
def test_csv_cell(text: str, limit: int) -> None:
    shown = csv_cell(text, limit=limit)
    assert is_inert(shown)
    assert len(shown) <= limit
    assert csv_cell(shown, limit=limit) == shown
    for part in shown.split(";"):
        assert not part.lstrip().lstrip('"').lstrip().startswith(("=", "+", "-", "@", "\uff1d"))


@given(st.text(st.characters(categories=["L", "N", "P", "S"], exclude_characters="\u3164\u115f\u1160\uffa0")))
def test_letters_numbers_and_signs_survive(text: str) -> None:
    assert sanitise(text) == text or len(text) > 2000


@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    assert is_inert(inert_bytes(data))


@given(st.binary(max_size=200))
def test_what_the_file_system_smuggles_in(data: bytes) -> None:
    """Names of files and arguments that are no UTF-8 come as lone surrogates (PEP 383)."""
    shown = sanitise(data.decode("utf-8", "surrogateescape"))
    assert is_inert(shown)
    assert shown.encode().decode() == shown
