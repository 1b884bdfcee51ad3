"""The small parts of the SYN engine: source ports, link states, questions to neighbours, templates, judgement."""

import sys
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.core.errors import InvalidInput
from scanner.core.packets.build import ETHERNET, RAW_IP, fill, stamp
from scanner.core.packets.cookie import KEY_BYTES, Cookie
from scanner.core.packets.parse import dissect
from scanner.core.plan.reasons import Reason, icmp_reason, reason_code
from scanner.engines.routing.link_states import LINK_PATIENCE, LinkState, LinkStates
from scanner.engines.routing.neighbours import parse_answer, solicitation
from scanner.engines.routing.netlink import Link, Medium
from scanner.engines.routing.routes import Route
from scanner.engines.syn.evidence import Evidence
from scanner.engines.syn.source_ports import SourcePorts, choose_ports
from scanner.engines.syn.template import syn_template
from scanner.engines.syn.validate import validate

MAC, THEIRS = bytes.fromhex("02aa00000001"), bytes.fromhex("02bb00000002")
ETHER = Link(3, "v0", Medium.ETHERNET, MAC, 1500, up=True, resolves=True)
TUN = Link(4, "tun0", Medium.BARE, b"", 1500, up=True, resolves=False)


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """A /proc in which port 12,000 is in use."""
    (tmp_path / "sys/net/ipv4").mkdir(parents=True)
    (tmp_path / "thread-self/net").mkdir(parents=True)
    (tmp_path / "sys/net/ipv4/ip_local_port_range").write_text("32768\t60999\n")
    used = "  sl  local_address rem_address\n   0: 0100007F:2EE0 00000000:0000 0A 0 0 0\n"
    (tmp_path / "thread-self/net/tcp").write_text(used)
    return tmp_path


def test_source_ports_keep_off_what_is_used(proc: Path) -> None:
    starts: list[int] = []
    for turn in range(2000):
        ports = choose_ports(64, 3, pick=lambda count, turn=turn: turn * (count - 1) // 1999, proc=proc)
        starts.append(ports.first)
        assert not ports.first <= 12_000 <= ports.last
        assert ports.last < 32_768 or 61_000 <= ports.first <= ports.last <= 65_535
    assert min(starts) < 11_000
    assert max(starts) > 65_000


def test_where_the_kernel_uses_every_port_they_lie_among_them(proc: Path) -> None:
    (proc / "sys/net/ipv4/ip_local_port_range").write_text("1024\t65535\n")
    ports = choose_ports(64, 3, pick=lambda count: 0, proc=proc)
    assert ports.first == 10_000
    with pytest.raises(InvalidInput, match="no 70000 free source ports"):
        choose_ports(7000, 10, pick=lambda count: 0, proc=proc)


@given(st.integers(1, 64), st.integers(1, 20), st.integers(10_000, 60_000))
def test_a_source_port_tells_slot_and_try(slots: int, tries: int, first: int) -> None:
    ports = SourcePorts(first, slots, tries)
    every = [(slot, attempt) for slot in range(slots) for attempt in range(tries)]
    numbers = np.array([ports.port(*each) for each in every], np.uint16)
    slot, attempt = ports.split(numbers)
    assert list(zip(slot.tolist(), attempt.tolist(), strict=True)) == every
    outside, _ = ports.split(np.array([0, first - 1, ports.last + 1, 65_535], np.uint16))
    assert outside[[0, 1, 2]].tolist() == [-1, -1, -1]


class Watch:
    """News of links, by hand."""

    def __init__(self) -> None:
        self.news: list[Link] = []

    def changes(self) -> list[Link]:
        news, self.news = self.news, []
        return news


def test_a_link_is_waited_for_and_then_given_up() -> None:
    watch = Watch()
    states = LinkStates([ETHER], watch)  # type: ignore[arg-type]
    assert states.state(3, 5.0) is LinkState.UP
    assert not states.troubled([3, 4])
    watch.news = [Link(3, "v0", Medium.ETHERNET, MAC, 1500, up=False, resolves=True)]
    states.update(10.0)
    assert states.troubled([3, 4])
    assert not states.troubled([4])
    assert states.state(3, 10.0 + LINK_PATIENCE / 2) is LinkState.WAIT
    assert states.state(3, 10.0 + LINK_PATIENCE) is LinkState.DOWN
    watch.news = [ETHER]
    states.update(30.0)
    assert states.state(3, 30.0) is LinkState.UP
    assert states.down_since(3, 29.0)
    assert not states.down_since(3, 31.0)
    assert not states.down_since(4, 0.0)


def test_a_link_that_is_down_from_the_start_is_not_waited_for() -> None:
    down = Link(3, "v0", Medium.ETHERNET, MAC, 1500, up=False, resolves=True)
    states = LinkStates([down], Watch())  # type: ignore[arg-type]
    assert states.state(3, 1.0) is LinkState.DOWN
    assert states.down_since(3, 1e9)


def test_questions_to_neighbours_are_as_scapy_makes_them() -> None:
    from scapy.layers.inet6 import ICMPv6ND_NS, ICMPv6NDOptSrcLLAddr, IPv6
    from scapy.layers.l2 import ARP, Ether

    source, wanted = ip_address("10.0.0.1"), ip_address("10.0.0.2")
    arp = Ether(src=MAC.hex(":"), dst="ff:ff:ff:ff:ff:ff") / ARP(
        op=1, hwsrc=MAC.hex(":"), psrc=str(source), hwdst="00:00:00:00:00:00", pdst=str(wanted)
    )
    assert solicitation(MAC, source, wanted) == bytes(arp)
    source, wanted = ip_address("fd00::1"), ip_address("fd00::12:3456")
    ask = (
        Ether(src=MAC.hex(":"), dst="33:33:ff:12:34:56")
        / IPv6(src=str(source), dst="ff02::1:ff12:3456", hlim=255)
        / ICMPv6ND_NS(tgt=str(wanted))
        / ICMPv6NDOptSrcLLAddr(lladdr=MAC.hex(":"))
    )
    assert solicitation(MAC, source, wanted) == bytes(ask)


def test_answers_of_neighbours_are_understood_and_nothing_else() -> None:
    from scapy.layers.inet6 import ICMPv6ND_NA, ICMPv6NDOptDstLLAddr, IPv6
    from scapy.layers.l2 import ARP, Ether

    theirs = THEIRS.hex(":")
    reply = bytes(Ether(dst=MAC.hex(":"), src=theirs) / ARP(op=2, hwsrc=theirs, psrc="10.0.0.2"))
    assert parse_answer(reply) == (ip_address("10.0.0.2"), THEIRS)

    def advertisement(hops: int) -> bytes:
        option = ICMPv6NDOptDstLLAddr(lladdr=theirs)
        return bytes(Ether(src=theirs) / IPv6(dst="fd00::1", hlim=hops) / ICMPv6ND_NA(tgt="fd00::2") / option)

    assert parse_answer(advertisement(255)) == (ip_address("fd00::2"), THEIRS)
    assert parse_answer(advertisement(64)) is None, "it came through a router"
    assert parse_answer(solicitation(MAC, ip_address("10.0.0.1"), ip_address("10.0.0.2"))) is None
    group = bytes(Ether() / ARP(op=2, hwsrc="01:00:5e:00:00:01", psrc="10.0.0.2"))
    assert parse_answer(group) is None, "no station has a group address"
    for size in range(len(reply)):
        assert parse_answer(reply[:size]) is None


@given(st.sampled_from(["", "0806", "0806 0001 0800 0604 0002", "86dd"]), st.binary(max_size=120))
def test_no_frame_whatever_breaks_the_parser(head: str, rest: bytes) -> None:
    answer = parse_answer(bytes(12) + bytes.fromhex(head) + rest)
    if answer is not None:
        address, station = answer
        assert address.version == (4 if head.startswith("0806") else 6)
        assert (len(station), station[0] & 1) == (6, 0)


@pytest.mark.parametrize("link", [ETHER, TUN])
@pytest.mark.parametrize(("source", "target"), [("10.0.0.1", "10.0.0.2"), ("fd00::1", "fd00::2")])
def test_a_filled_template_is_a_syn_that_scapy_calls_sound(link: Link, source: str, target: str) -> None:
    from scapy.layers.inet import IP, TCP
    from scapy.layers.inet6 import IPv6
    from scapy.layers.l2 import Ether

    address = ip_address(target)
    for flags in ("S", "R"):
        template = syn_template(Route(link, ip_address(source), None), flags=flags)
        assert template.link == (ETHERNET if link is ETHER else RAW_IP)
        rows = np.zeros((1, 128), np.uint8)
        stamp(template, rows)
        fill(
            template,
            rows,
            high=np.array([int(address) >> 64], np.uint64),
            low=np.array([int(address) & 0xFFFFFFFFFFFFFFFF], np.uint64),
            port=np.array([443], np.uint16),
            source_port=np.array([20_000], np.uint16),
            sequence=np.array([0xDEADBEEF], np.uint32),
            hops=np.frombuffer(THEIRS, np.uint8)[np.newaxis] if link is ETHER else None,
        )
        frame = rows[0, : len(template)].tobytes()
        packet = Ether(frame) if link is ETHER else (IP if address.version == 4 else IPv6)(frame)
        if link is ETHER:
            assert (packet.src, packet.dst) == (MAC.hex(":"), THEIRS.hex(":"))
        segment = packet[TCP]
        assert (segment.sport, segment.dport, segment.seq, str(segment.flags)) == (20_000, 443, 0xDEADBEEF, flags)
        told = segment.chksum
        del segment.chksum
        again = packet.__class__(bytes(packet))
        assert again[TCP].chksum == told
        network = packet[IP] if address.version == 4 else packet[IPv6]
        assert (network.src, network.dst) == (source, target)


def icmp_answers() -> Iterator[tuple[int, int, int]]:
    """Every type of error and every code that the tables know, and one they do not."""
    for kind, codes in ((3, range(16)), (11, range(2))):
        yield from ((4, kind, code) for code in codes)
    for kind, codes in ((1, range(8)), (3, range(2))):
        yield from ((6, kind, code) for code in codes)


def test_every_icmp_error_means_what_the_table_says() -> None:
    from tests.netlab.tun import icmp_error, tcp_reply

    cookie = Cookie(bytes(range(KEY_BYTES)))
    for version, kind, code in icmp_answers():
        way = Route(TUN, ip_address("10.0.0.1" if version == 4 else "fd00::1"), None)
        template, target = syn_template(way), ip_address("10.0.0.9" if version == 4 else "fd00::9")
        high, low = np.array([int(target) >> 64], np.uint64), np.array([int(target) & 0xFFFFFFFFFFFFFFFF], np.uint64)
        port, ours = np.array([80], np.uint16), np.array([20_000], np.uint16)
        rows = np.zeros((1, 128), np.uint8)
        stamp(template, rows)
        sequence = cookie.of(version, high=high, low=low, port=port, source_port=ours)
        fill(template, rows, high=high, low=low, port=port, source_port=ours, sequence=sequence)
        probe = rows[0, : len(template)].tobytes()
        for answer, reason in (
            (icmp_error(probe, kind, code), icmp_reason(version, kind, code)),
            (tcp_reply(probe, 0x12), Reason.SYN_ACK),
            (tcp_reply(probe, 0x14), Reason.RESET),
        ):
            row = np.zeros((1, 176), np.uint8)
            row[0, : len(answer)] = np.frombuffer(answer, np.uint8)
            read = dissect(row, np.array([len(answer)]))
            heard, accepted, forged = validate(read, cookie, np.array([7.0]))
            assert (len(heard), accepted.tolist(), forged) == (1, [0], 0)
            assert heard.reason[0] == reason_code(reason)
            assert (heard.low[0], heard.port[0], heard.source_port[0], heard.at[0]) == (low[0], 80, 20_000, 7.0)
            _, _, forged = validate(read, Cookie(bytes(KEY_BYTES)), np.array([7.0]))
            assert forged == 1


def test_evidence_is_empty_until_there_is_some() -> None:
    evidence = Evidence(10)
    assert not evidence
    assert evidence.get(3) is None
    router = np.array([int(ip_address("10.0.0.254"))] * 2, np.uint64)
    evidence.add(np.array([3, 7], np.int32), np.array([4, 4], np.uint8), np.zeros(2, np.uint64), router)
    assert dict(evidence) == {3: "from 10.0.0.254", 7: "from 10.0.0.254"}
    assert evidence.get(4) is None
    with pytest.raises(KeyError):
        evidence[99]


def test_importing_the_engine_costs_no_scapy_and_no_cryptography() -> None:
    import subprocess

    code = "import sys, scanner.engines.syn.engine; print({'scapy', 'cryptography'} & set(sys.modules))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said == "set()\n"
