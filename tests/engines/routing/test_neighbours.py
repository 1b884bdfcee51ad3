"""Questions to neighbours and their answers, byte by byte, beside scapy's."""

import socket
import sys
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.engines.bpf import assemble_filter, attach_filter
from scanner.engines.routing import neighbours
from scanner.engines.routing.neighbours import parse_answer, solicitation
from tests.engines.links import MAC, THEIRS


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


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="classic BPF on sockets is Linux's")
def test_the_kernel_passes_neighbour_advertisements_and_nothing_else() -> None:
    from scapy.layers.inet import TCP
    from scapy.layers.inet6 import ICMPv6EchoReply, ICMPv6ND_NA, ICMPv6ND_NS, IPv6
    from scapy.layers.l2 import Ether

    network = Ether() / IPv6(src="fd00::2", dst="fd00::1", hlim=255)
    wanted = bytes(network / ICMPv6ND_NA(tgt="fd00::2"))
    others = [network / ICMPv6ND_NS(tgt="fd00::2"), network / ICMPv6EchoReply(), network / TCP()]
    short = [wanted[:size] for size in range(1, 55)]
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with here, there:
        there.setblocking(False)
        attach_filter(there, assemble_filter(neighbours._ADVERTISEMENTS))
        for frame in [*map(bytes, others), *short, wanted]:
            here.send(frame)
        assert there.recv(2048) == wanted
        with pytest.raises(BlockingIOError):
            there.recv(2048)
