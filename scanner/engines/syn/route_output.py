"""What a route needs before a probe can leave by it: a sender, and the one frame that all its probes share.

Frames leave an Ethernet interface through AF_XDP where that works, else through a packet socket; an interface without
link-layer headers takes bare IP packets through a packet socket; and packets to this host go through a raw IP socket,
because Linux drops frames for 127.0.0.0/8 that do not come out of its own IP layer.

The frame is built by scapy once per route and never again. It is an ordinary SYN: don't-fragment, TTL 64, and a
maximum segment size, since some firewalls drop SYNs without one.
"""

from collections.abc import Callable

from scanner.core.packets.build import ETHERNET, RAW_IP, Template
from scanner.engines.choose import Wire
from scanner.engines.packets.open_sender import open_sender
from scanner.engines.packets.sendmmsg import Sender, ip_sender, packet_sender
from scanner.engines.routing.netlink import Medium
from scanner.engines.routing.routes import Route
from scanner.engines.syn.scapy_loading import load_scapy

_LARGEST_MSS = 1460


def sender_opener(wire: Wire, notes: dict[str, str]) -> Callable[[Route], Sender]:
    """Return a function that opens a sender for a route.

    It writes to `notes`, by interface name, why a sender is not the fastest one.
    """

    def open_for(route: Route) -> Sender:
        if route.link.medium is Medium.LOOPBACK:
            return ip_sender(route.source.version)
        if route.link.medium is Medium.BARE:
            return packet_sender(route.link.name)
        sender, note = open_sender(route.link.name, wire)
        if note:
            notes[route.link.name] = note
        return sender

    return open_for


def syn_template(route: Route, *, flags: str = "S", hop: bytes = b"") -> Template:
    """Build the template of the probes that take a route. Packets to this host carry no link-layer header.

    `flags` in scapy's letters: "R" gives the reset that closes what a probe opened. `hop` is the link-layer address of
    the next hop, six bytes; empty where it differs from frame to frame, or there is none.
    """
    load_scapy()
    from scapy.layers.inet import IP, TCP
    from scapy.layers.inet6 import IPv6
    from scapy.layers.l2 import Ether

    four = route.source.version == 4
    source = str(route.source)
    network = IP(src=source, dst="127.0.0.1", flags="DF", id=0) if four else IPv6(src=source, dst="::1")
    size = min(_LARGEST_MSS, route.link.mtu - (40 if four else 60))
    segment = TCP(sport=1, dport=1, seq=0, flags=flags, window=64240)
    if flags == "S":
        segment.options = [("MSS", size)]
    if route.link.medium is not Medium.ETHERNET:
        return Template.from_frame(bytes(network / segment), link=RAW_IP)
    mac = route.link.mac.hex(":")
    frame = Ether(src=mac, dst=hop.hex(":") or mac, type=0x0800 if four else 0x86DD) / network / segment
    return Template.from_frame(bytes(frame), link=ETHERNET)
