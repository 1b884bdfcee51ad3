"""The catalogue of UDP questions: harmless, provable, and unmoved by whatever comes back."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.core.udp.answer import answer_meaning
from scanner.core.udp.catalogue import QUESTIONS, Catalogue
from scanner.core.udp.management import snmp_get
from scanner.core.udp.question import TOKEN_BYTES, Form, Payload, Proof, Question, Token, broken_rules, compose

TOKENS = st.binary(min_size=TOKEN_BYTES, max_size=TOKEN_BYTES)
ROWS = [
    pytest.param(question, id=f"{question.protocol}-{question.ports[0]}-{n}") for n, question in enumerate(QUESTIONS)
]
FORBIDDEN = (b"monlist", b"getall", b"ssdp:all", b"INVITE ", b"REGISTER ", b"stats\r\n", b"getstatus", b"ls,all")


def test_at_least_sixty_protocols_have_a_question() -> None:
    assert len({question.protocol for question in QUESTIONS}) >= 60


@pytest.mark.parametrize("question", ROWS)
def test_a_question_keeps_the_rules(question: Question) -> None:
    assert list(broken_rules(question)) == []
    assert not any(word in question.payload.data for word in FORBIDDEN)


def test_a_question_that_breaks_a_rule_is_told() -> None:
    good = next(question for question in QUESTIONS if question.protocol == "dns")
    assert list(broken_rules(replace(good, largest=4000))) == ["amplifies: 30 bytes may bring 4000"]
    assert len(list(broken_rules(replace(good, payload=Payload(bytes(1300)), ports=(), source="")))) == 4


def test_ntp_is_never_asked_in_mode_7_and_tftp_never_writes() -> None:
    ntp = [question.payload.data for question in QUESTIONS if 123 in question.ports]
    assert {data[0] & 7 for data in ntp} == {3, 6}
    assert [question.payload.data[:2] for question in QUESTIONS if 69 in question.ports] == [b"\0\1"]


def test_snmp_is_never_asked_for_more_than_one_value() -> None:
    kinds = [data[data.index(b"\x1c\2\4") - 1] for data in [snmp_get(b"public").data]]
    assert kinds == [0xA0]
    assert all(question.credential for question in QUESTIONS if b"public" in question.payload.data)


def test_credentials_are_asked_only_on_demand() -> None:
    assert not any(question.credential for question in Catalogue().everything)
    asked = [each.payload.data for each in Catalogue((b"private",)).of(161) if each.credential]
    assert [b"private" in data for data in asked] == [True, True]
    assert not any(b"public" in data for data in asked)


@given(TOKENS)
def test_the_token_is_where_the_slots_say(token: bytes) -> None:
    for question in QUESTIONS:
        made = question.payload.of(token)
        assert len(made) == len(question.payload.data)
        for offset, slot in question.payload.slots:
            assert made[offset : offset + slot.size] == slot.write(token)


@given(TOKENS, TOKENS)
def test_an_answer_with_another_token_proves_nothing(token: bytes, other: bytes) -> None:
    for question in QUESTIONS:
        if question.proof is None or question.proof.token.write(token) == question.proof.token.write(other):
            continue
        echoed = question.proof.token.write(token)
        answer = bytes(question.proof.at or 0) + echoed
        assert question.is_proven_by(token, answer)
        if echoed != question.proof.token.write(other):
            assert not question.is_proven_by(other, answer)


def test_most_protocols_carry_32_bits_of_proof() -> None:
    bits = {q.protocol: max(q.proof.token.bits if q.proof else 0, 0) for q in QUESTIONS}
    assert sum(each >= 25 for each in bits.values()) >= 30
    assert Token(4, keep=0x7F, put=0x40).bits == 30
    assert Token(8, Form.DIGITS).bits == 25


@given(st.binary(max_size=600))
def test_no_reader_is_moved_by_arbitrary_bytes(answer: bytes) -> None:
    for question in QUESTIONS:
        question.read(answer)


@pytest.mark.parametrize("question", ROWS)
def test_no_reader_is_moved_by_a_mangled_answer(question: Question) -> None:
    whole = question.payload.of(b"\x81" * 8)
    for end in range(min(len(whole), 130)):
        for first in (0x81, 0x44, 0xFF):
            question.read(bytes([first]) + whole[1:end])


@pytest.mark.parametrize("question", ROWS)
def test_who_sends_a_question_back_is_an_echo(question: Question) -> None:
    token = b"\x11" * 8
    said = answer_meaning(Catalogue(), [question], token, question.payload.of(token))
    if question.payload.data:
        assert said.identity.protocol == "echo"


def test_proof_is_told_from_a_mere_answer() -> None:
    dns = Catalogue().of(53)
    answer = bytes.fromhex("1111818500010000000000000000100003")
    assert answer_meaning(Catalogue(), dns, b"\x11" * 8, answer).proven
    unproven = answer_meaning(Catalogue(), dns, b"\x12" * 8, answer)
    assert not unproven.proven
    assert unproven.identity.protocol == "dns"
    assert unproven.identity.asked == ("dns",)
    garbage = answer_meaning(Catalogue(), dns, b"\x12" * 8, b"\0\1\2")
    assert (garbage.proven, garbage.identity.protocol, garbage.identity.excerpt) == (False, "", "\\x00\\x01\\x02")


ANSWERS: list[tuple[str, bytes, tuple[str, str, str, str]]] = [
    (
        "dns",
        bytes.fromhex("000184000001000100000000")
        + b"\7version\4bind\0\0\x10\0\3\xc0\x0c\0\x10\0\3\0\0\0\0\0\x0d\x0c9.18.28-test",
        ("dns", "9.18.28-test", "", "no error"),
    ),
    ("ntp", b"\x24\2" + bytes(46), ("ntp", "", "", "NTP version 4, stratum 2")),
    (
        "memcached",
        bytes(8) + b"VERSION 1.6.18\r\n",
        ("memcached", "memcached", "1.6.18", ""),
    ),
    (
        "sip",
        b"SIP/2.0 404 Not Found\r\nServer: kamailio (5.6.3)\r\n\r\n",
        ("sip", "kamailio (5.6.3)", "", "404 Not Found"),
    ),
    ("tftp", b"\0\5\0\1File not found\0", ("tftp", "", "", "no such file")),
    ("coap", b"\x70\0\0\1", ("coap", "", "1", "")),
    ("rpcbind", bytes(4) + b"\0\0\0\1" + bytes(16), ("rpcbind", "", "", "")),
    ("quakeworld", b"\xff\xff\xff\xffc12345\0", ("quakeworld", "", "", "")),
    (
        "jellyfin-discovery",
        b'{"Address":"http://10.0.0.5:8096","Id":"1","Name":"media"}',
        ("jellyfin-discovery", "Jellyfin", "", "media"),
    ),
    (
        "mumble",
        bytes([0, 1, 5, 0]) + bytes(8) + b"\0\0\0\2\0\0\0\x64\0\0\x10\0",
        ("mumble", "Mumble", "1.5.0", "2 of 100 users"),
    ),
]


@pytest.mark.parametrize(("protocol", "answer", "told"), ANSWERS, ids=[each[0] for each in ANSWERS])
def test_an_answer_is_read(protocol: str, answer: bytes, told: tuple[str, str, str, str]) -> None:
    questions = [each for each in QUESTIONS if each.protocol == protocol]
    match = next(match for each in questions if (match := each.read(answer)))
    assert (match.protocol, match.product, match.version, match.detail) == told


def test_a_payload_is_its_parts_in_order() -> None:
    made = compose(b"ab", Token(2, Form.HEX), b"c")
    assert made.of(b"\x12\x34" + bytes(6)) == b"ab1234c"
    assert Proof(Token(2, Form.HEX)).holds(b"\x12\x34" + bytes(6), b"..1234")


def test_each_port_is_asked_a_question_of_a_protocol_once() -> None:
    for port, questions in Catalogue().by_port.items():
        counted = Counter((each.protocol, each.payload.data) for each in questions)
        assert max(counted.values()) == 1, port
