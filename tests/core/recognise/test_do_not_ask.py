"""Which ports must never receive a byte."""

from hypothesis import given
from hypothesis import strategies as st

from scanner.core.recognise.do_not_ask import DO_NOT_ASK, reason_not_to_ask
from scanner.core.recognise.identity import Conduct, Identity

RAW_PRINTER = {515, *range(9100, 9108), *range(9112, 9117)}


@given(st.integers(0, 65535))
def test_exactly_the_raw_printer_ports_are_never_asked(port: int) -> None:
    assert reason_not_to_ask(port) == ("raw printer port" if port in RAW_PRINTER else "")


def test_every_row_is_a_run_of_ports_with_a_reason() -> None:
    assert all(0 < quiet.first <= quiet.last <= 65535 and quiet.why for quiet in DO_NOT_ASK)


def test_an_identity_says_why_nothing_was_asked() -> None:
    assert Identity(Conduct.NOT_ASKED, detail=reason_not_to_ask(9100)).words == "Not asked: raw printer port"
    assert Identity(Conduct.NOT_ASKED).words == "unrecognised, not-asked"
