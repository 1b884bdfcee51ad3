"""No question reaches a printer or a controller, unless its row says that it is a read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.core.recognise.do_not_ask import DO_NOT_ASK, QuietPorts
from scanner.core.udp.catalogue import QUESTIONS, Catalogue
from scanner.core.udp.question import Question
from scanner.core.udp.quiet_ports import UDP_QUIET_PORTS, may_be_asked

EVERYTHING = Catalogue((b"public",))


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda each: f"{each.protocol}-{each.ports[0]}")
def test_no_question_names_a_quiet_port_unless_it_is_a_read(question: Question) -> None:
    assert [port for port in question.ports if not may_be_asked(question.protocol, port)] == []


@pytest.mark.parametrize("quiet", UDP_QUIET_PORTS, ids=lambda each: str(each.first))
def test_a_quiet_port_is_sent_its_reads_and_nothing_else(quiet: QuietPorts) -> None:
    for port in range(quiet.first, quiet.last + 1):
        assert {question.protocol for question in EVERYTHING.of(port)} <= {*quiet.reads}
    assert {*quiet.reads} <= {question.protocol for question in EVERYTHING.of(quiet.first)}


@given(st.sampled_from(UDP_QUIET_PORTS), st.sampled_from(QUESTIONS))
def test_a_question_that_is_moved_to_a_quiet_port_is_refused(quiet: QuietPorts, question: Question) -> None:
    assert may_be_asked(question.protocol, quiet.last) is (question.protocol in quiet.reads)


def test_controllers_that_speak_both_transports_are_quiet_on_both() -> None:
    by_tcp_only = {1911, 4911}
    for row in DO_NOT_ASK:
        if row.first not in by_tcp_only:
            assert not may_be_asked("anything", row.first), row
