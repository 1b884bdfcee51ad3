"""Frames bent at random: reading them never fails, and none is taken for an answer unless it is a true one."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.layers.inet import ICMP
from scapy.layers.inet6 import ICMPv6DestUnreach

from scanner.core.packets.cookie import Cookie
from scanner.core.packets.parse import AnswerKind, dissect, proven
from tests.core.packets.frames import KEY, OURS, ROUTER, framed, network, our_syn, tcp_answer

PORT, SOURCE_PORT = 443, 61003


def _true_answers() -> list[bytes]:
    answers = [tcp_answer(version, PORT, SOURCE_PORT, flags) for version in (4, 6) for flags in ("SA", "RA")]
    for version, error in ((4, ICMP(type=3, code=13)), (6, ICMPv6DestUnreach(code=1))):
        answers.append(
            network(version, ROUTER[version], OURS[version]) / error / bytes(our_syn(version, PORT, SOURCE_PORT))
        )
    return [bytes(answer) for answer in answers]


TRUE = _true_answers()
bends = st.lists(st.tuples(st.integers(0, 200), st.integers(1, 255)), min_size=1, max_size=4)


@given(frames=st.lists(st.binary(max_size=200), max_size=20))
def test_random_bytes_are_never_an_answer(frames: list[bytes]) -> None:
    rows, lengths = framed(frames)
    answers = dissect(rows, lengths)
    assert len(answers) == len(frames)
    assert not proven(answers, Cookie(KEY)).any()


@settings(max_examples=300)
@given(which=st.integers(0, len(TRUE) - 1), bent=bends, cut=st.integers(0, 200))
def test_bent_answers_are_believed_only_about_the_endpoint_that_was_probed(
    which: int, bent: list[tuple[int, int]], cut: int
) -> None:
    frame = bytearray(TRUE[which])
    for place, change in bent:
        frame[place % len(frame)] ^= change
    rows, lengths = framed([bytes(frame[: cut or None])])
    answers = dissect(rows, lengths)
    if proven(answers, Cookie(KEY))[0]:
        true = dissect(*framed([TRUE[which]]))
        for column in ("version", "high", "low", "port", "source_port", "sequence"):
            assert getattr(answers, column)[0] == getattr(true, column)[0], column


@given(bits=st.integers(1, 2**32 - 1), which=st.integers(0, 3))
def test_no_other_acknowledgement_will_do(bits: int, which: int) -> None:
    packet = bytearray(TRUE[which])
    acknowledged = slice(28, 32) if packet[0] >> 4 == 4 else slice(48, 52)
    packet[acknowledged] = (int.from_bytes(packet[acknowledged], "big") ^ bits).to_bytes(4, "big")
    answers = dissect(*framed([bytes(packet)]))
    assert answers.kind[0] != AnswerKind.OTHER
    assert not proven(answers, Cookie(KEY))[0]


@given(which=st.integers(0, len(TRUE) - 1), length=st.integers(0, 200))
def test_what_was_not_received_is_not_read(which: int, length: int) -> None:
    frame = TRUE[which][:length]
    rows, lengths = framed([frame])
    noise = rows.copy()
    noise[0, len(frame) :] ^= 0xFF
    one, other = (dissect(these, lengths) for these in (rows, noise))
    assert one.kind.tolist() == other.kind.tolist()
    assert one.sequence.tolist() == other.sequence.tolist()


def test_a_hundred_thousand_forged_answers() -> None:
    dice = np.random.default_rng(11)
    rows, lengths = framed([TRUE[place] for place in dice.integers(0, len(TRUE), 100_000)])
    truth = dissect(rows, lengths)
    for start in (24, 28, 44, 48, 52, 60, 88, 92):  # wherever ports, numbers and quoted headers stand
        rows[:, start : start + 4] = dice.integers(0, 256, (len(rows), 4))
    answers = dissect(rows, lengths)
    seen = answers.kind != AnswerKind.OTHER
    assert seen.any()
    assert proven(truth, Cookie(KEY)).all()
    assert not proven(answers, Cookie(KEY)).any()
