"""Answers are read as scapy reads them; what is not exactly an answer is none."""

import numpy as np
import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption_RR
from scapy.layers.inet6 import ICMPv6DestUnreach, ICMPv6EchoReply, ICMPv6TimeExceeded, IPv6, IPv6ExtHdrDestOpt
from scapy.layers.l2 import ARP
from scapy.packet import Packet, Padding

from scanner.core.packets.cookie import Cookie
from scanner.core.packets.parse import AnswerKind, Answers, dissect, proven
from tests.core.packets.frames import KEY, OURS, ROUTER, THEIRS, framed, network, our_syn, tcp_answer, words

ERRORS = [(4, 3, range(16)), (4, 11, range(2)), (4, 12, range(1)), (6, 1, range(8))]


def read(packets: list[Packet]) -> tuple[Answers, list[bool]]:
    answers = dissect(*framed([bytes(packet) for packet in packets]))
    return answers, proven(answers, Cookie(KEY)).tolist()


def unreachable(version: int, quoted: bytes, *, kind: int | None = None, code: int = 1) -> Packet:
    """An ICMP error from the router, quoting bytes."""
    if version == 4:
        return network(4, ROUTER[4], OURS[4]) / ICMP(type=3 if kind is None else kind, code=code) / quoted
    error = ICMPv6DestUnreach(type=1 if kind is None else kind, code=code)
    return network(6, ROUTER[6], OURS[6]) / error / quoted


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize(
    ("flags", "kind"),
    [
        ("SA", AnswerKind.SYN_ACK),
        ("SAE", AnswerKind.SYN_ACK),
        ("SAP", AnswerKind.SYN_ACK),
        ("RA", AnswerKind.RESET),
        ("RAP", AnswerKind.RESET),
    ],
)
def test_answers_by_tcp(version: int, flags: str, kind: AnswerKind) -> None:
    answers, accepted = read([tcp_answer(version, 443, 61003, flags)])
    high, low = words([THEIRS[version]])
    assert accepted == [True]
    assert (answers.kind[0], answers.version[0]) == (kind, version)
    assert (answers.high[0], answers.low[0]) == (high[0], low[0])
    assert (answers.port[0], answers.source_port[0]) == (443, 61003)
    assert (answers.icmp_type[0], answers.router_high[0], answers.router_low[0]) == (0, 0, 0)


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("flags", ["", "S", "A", "R", "FA", "SR", "SRA", "SFA", "SF", "PA"])
def test_other_flags_answer_nothing(version: int, flags: str) -> None:
    answers, accepted = read([tcp_answer(version, 443, 61003, flags)])
    assert (answers.kind[0], accepted) == (AnswerKind.OTHER, [False])


@pytest.mark.parametrize(
    ("version", "kind", "codes"), [(4, 3, range(16)), (4, 11, (0, 1)), (4, 12, (0,)), (6, 1, range(8))]
)
def test_icmp_errors(version: int, kind: int, codes: range) -> None:
    quoted = bytes(our_syn(version, 443, 61003))
    packets = [unreachable(version, quoted, kind=kind, code=code) for code in codes]
    answers, accepted = read(packets)
    high, low = words([THEIRS[version], ROUTER[version]])
    assert all(accepted)
    assert set(answers.kind.tolist()) == {AnswerKind.ICMP}
    assert set(answers.icmp_type.tolist()) == {kind}
    assert answers.icmp_code.tolist() == list(codes)
    assert (answers.high[0], answers.low[0]) == (high[0], low[0])
    assert (answers.router_high[0], answers.router_low[0]) == (high[1], low[1])
    assert (answers.port[0], answers.source_port[0]) == (443, 61003)


@pytest.mark.parametrize("version", [4, 6])
def test_eight_bytes_of_ours_are_enough_and_seven_are_not(version: int) -> None:
    quoted = bytes(our_syn(version, 443, 61003))
    header = 20 if version == 4 else 40
    _, accepted = read([unreachable(version, quoted[: header + size]) for size in (8, 7)])
    assert accepted == [True, False]


def test_time_exceeded_by_ipv6() -> None:
    packet = network(6, ROUTER[6], OURS[6]) / ICMPv6TimeExceeded() / bytes(our_syn(6, 443, 61003))
    answers, accepted = read([packet])
    assert (accepted, answers.icmp_type[0]) == ([True], 3)


def test_ipv4_options_outside_and_inside() -> None:
    options = [IPOption_RR(routers=["1.2.3.4"] * 9)]
    quoted = our_syn(4, 443, 61003)
    quoted.options = options
    error = unreachable(4, bytes(quoted))
    error.options = options
    _, accepted = read([tcp_answer(4, 443, 61003, "SA", options=options), error])
    assert accepted == [True, True]


NOT_ANSWERS: dict[str, Packet | bytes] = {
    "ARP": ARP(),
    "UDP": IP() / UDP(),
    "echo reply": IP() / ICMP(type=0) / bytes(our_syn(4, 1, 61000)),
    "redirect": IP() / ICMP(type=5) / bytes(our_syn(4, 1, 61000)),
    "IPv6 echo reply": IPv6() / ICMPv6EchoReply() / bytes(our_syn(6, 1, 61000)),
    "first fragment": tcp_answer(4, 1, 61000, "SA", ip_flags="MF"),
    "later fragment": tcp_answer(4, 1, 61000, "SA", frag=3),
    "extension header": network(6, THEIRS[6], OURS[6]) / IPv6ExtHdrDestOpt() / tcp_answer(6, 1, 61000, "SA")[TCP],
    "header shorter than a header": tcp_answer(4, 1, 61000, "SA", ihl=4),
    "longer header than packet": tcp_answer(4, 1, 61000, "SA", ihl=15),
    "packet shorter than its header": tcp_answer(4, 1, 61000, "SA", len=19),
    "packet without room for TCP": tcp_answer(4, 1, 61000, "SA", len=39),
    "IPv6 without room for TCP": tcp_answer(6, 1, 61000, "SA", plen=19),
    "IPv4 said to be IPv6": b"\x60" + bytes(tcp_answer(4, 1, 61000, "SA"))[1:],
    "IPv6 said to be IPv4": b"\x45" + bytes(tcp_answer(6, 1, 61000, "SA"))[1:],
    "quoted UDP": unreachable(4, bytes(network(4, OURS[4], THEIRS[4]) / UDP())),
    "quoted fragment": unreachable(4, bytes(IP(frag=9) / TCP())),
    "quoted IPv6 in ICMPv4": unreachable(4, bytes(our_syn(6, 1, 61000))),
    "nothing quoted": unreachable(4, b""),
    "zeros": bytes(40),
    "nothing": b"",
}


def test_what_is_no_answer() -> None:
    answers = dissect(*framed([bytes(each) for each in NOT_ANSWERS.values()]))
    assert dict(zip(NOT_ANSWERS, answers.kind.tolist(), strict=True)) == dict.fromkeys(NOT_ANSWERS, AnswerKind.OTHER)
    assert not proven(answers, Cookie(KEY)).any()


@pytest.mark.parametrize("version", [4, 6])
def test_the_padding_of_short_frames_belongs_to_no_packet(version: int) -> None:
    header = 20 if version == 4 else 40
    quoted = bytes(our_syn(version, 443, 61003))
    errors = [unreachable(version, quoted[: header + size]) for size in (8, 7)]
    answers, _ = read([each / Padding(bytes(18)) for each in (tcp_answer(version, 443, 61003, "SA"), *errors)])
    assert answers.kind.tolist() == [AnswerKind.SYN_ACK, AnswerKind.ICMP, AnswerKind.OTHER]


@pytest.mark.parametrize("version", [4, 6])
def test_a_segment_must_hold_the_header_it_claims(version: int) -> None:
    good, short, long = (tcp_answer(version, 1, 61000, "SA") for _ in range(3))
    short[TCP].dataofs, long[TCP].dataofs = 4, 6
    answers, _ = read([good, short, long])
    assert answers.kind.tolist() == [AnswerKind.SYN_ACK, AnswerKind.OTHER, AnswerKind.OTHER]


@pytest.mark.parametrize("version", [4, 6])
def test_forgeries_are_seen_but_not_believed(version: int) -> None:
    forged = []
    for flags in ("SA", "RA"):
        wrong_number = tcp_answer(version, 443, 61003, flags)
        wrong_number[TCP].ack ^= 1 << 31
        wrong_port = tcp_answer(version, 443, 61003, flags)
        wrong_port[TCP].sport = 444
        wrong_host = tcp_answer(version, 443, 61003, flags)
        wrong_host.src = ROUTER[version]
        forged += [wrong_number, wrong_port, wrong_host]
    quoted = our_syn(version, 443, 61003)
    quoted[TCP].seq ^= 1
    forged.append(unreachable(version, bytes(quoted)))
    answers, accepted = read(forged)
    assert (answers.kind != AnswerKind.OTHER).all()
    assert accepted == [False] * len(forged)


def test_the_acknowledgement_wraps() -> None:
    packet = tcp_answer(4, 443, 61003, "SA")
    packet[TCP].ack = 0
    answers, _ = read([packet])
    assert answers.sequence[0] == 0xFFFFFFFF


def test_both_families_in_one_batch() -> None:
    packets = [tcp_answer(version, 443, 61003, flags) for version in (4, 6) for flags in ("SA", "RA")]
    packets += [unreachable(version, bytes(our_syn(version, 443, 61003))) for version in (4, 6)]
    order = np.random.default_rng(5).permutation(len(packets))
    answers, accepted = read([packets[place] for place in order])
    assert all(accepted)
    assert sorted(answers.kind.tolist()) == [1, 1, 2, 2, 3, 3]


def test_packets_that_were_cut_short_are_not_read_beyond_the_cut() -> None:
    packet = bytes(tcp_answer(4, 443, 61003, "SA"))
    rows, _ = framed([packet] * len(packet))
    answers = dissect(rows, np.arange(len(packet)))
    assert (answers.kind == AnswerKind.OTHER).all()


@pytest.mark.parametrize("width", [0, 1, 20, 40, 54])
def test_any_width_of_row_will_do(width: int) -> None:
    answers = dissect(np.zeros((3, width), np.uint8), np.full(3, width))
    assert (answers.kind == AnswerKind.OTHER).all()


def test_no_packets_no_answers() -> None:
    answers = dissect(np.zeros((0, 176), np.uint8), np.zeros(0, np.uint32))
    assert len(answers) == len(proven(answers, Cookie(KEY))) == 0
