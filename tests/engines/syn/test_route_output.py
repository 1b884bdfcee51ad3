"""What a route needs: the way its frames leave, and the frame that its probes share."""

import errno
import subprocess
import sys
from ipaddress import ip_address

import numpy as np
import pytest

from scanner.core.packets.build import ETHERNET, RAW_IP, fill, stamp
from scanner.engines.choose import Wire
from scanner.engines.packets import af_xdp
from scanner.engines.packets.open_sender import open_sender
from scanner.engines.routing.netlink import Link
from scanner.engines.routing.routes import Route
from scanner.engines.syn.route_output import syn_template
from tests.engines.links import ETHER, MAC, THEIRS, TUN
from tests.netlab.lab import Namespace

Pair = tuple[Namespace, Namespace]


def need_af_xdp() -> None:
    """Skip the test where the kernel has no AF_XDP socket to give."""
    try:
        af_xdp.xdp_sender("v0").close()
    except OSError as error:
        pytest.skip(f"no AF_XDP for sending here: {error}")


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
        checksum = segment.chksum
        del segment.chksum
        again = packet.__class__(bytes(packet))
        assert again[TCP].chksum == checksum
        network = packet[IP] if address.version == 4 else packet[IPv6]
        assert (network.src, network.dst) == (source, target)


@pytest.mark.parametrize("wire", [Wire.AUTO, Wire.AF_XDP])
@pytest.mark.netlab
def test_the_faster_wire_is_chosen(pair: Pair, wire: Wire) -> None:
    with pair[0].entered():
        need_af_xdp()
        sender, note = open_sender("v0", wire)
        assert (sender.name, note) == ("af_xdp", "")
        sender.close()


@pytest.mark.netlab
def test_the_slower_wire_is_fallen_back_to_and_said(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_xdp(interface: str) -> None:
        raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")

    monkeypatch.setattr("scanner.engines.packets.open_sender.xdp_sender", no_xdp)
    with pair[0].entered():
        sender, note = open_sender("v0", Wire.AUTO)
        assert (sender.name, note) == (
            "sendmmsg",
            "AF_XDP does not work on v0 (Address family not supported by protocol)",
        )
        sender.close()
        with pytest.raises(OSError, match="not supported"):
            open_sender("v0", Wire.AF_XDP)
        sender, note = open_sender("v0", Wire.SENDMMSG)
        assert (sender.name, note) == ("sendmmsg", "")
        sender.close()


@pytest.mark.netlab
def test_kernels_that_do_not_count_exactly_are_named_and_refused(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    with pair[0].entered():
        need_af_xdp()
        monkeypatch.setattr(af_xdp, "_MAX_TX_BUDGET", 250)
        sender, note = open_sender("v0", Wire.AUTO)
        assert (sender.name, note) == ("sendmmsg", "AF_XDP does not work on v0 (it needs Linux 6.17 or newer)")
        sender.close()


@pytest.mark.netlab
def test_the_note_says_why_even_where_the_system_gives_no_errno(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_name(_: str) -> int:
        raise OSError("no interface with this name")

    monkeypatch.setattr("scanner.engines.packets.af_xdp.socket.if_nametoindex", no_name)
    with pair[0].entered():
        sender, note = open_sender("v0", Wire.AUTO)
        sender.close()
    assert sender.name == "sendmmsg"
    assert "None" not in note
    assert note.startswith("AF_XDP does not work on v0 (")


def test_importing_the_engine_costs_no_scapy_and_no_cryptography() -> None:
    code = "import sys, scanner.engines.syn.engine; print({'scapy', 'cryptography'} & set(sys.modules))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said == "set()\n"
