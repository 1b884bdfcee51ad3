"""The one frame that all probes along a path share, built by scapy and never again.

An ordinary SYN: don't-fragment, TTL 64, and a maximum segment size, since some firewalls drop SYNs without one.
"""

from scanner.core.packets.build import ETHERNET, RAW_IP, Template
from scanner.engines.routing.netlink import Medium
from scanner.engines.routing.routes import Route

_LARGEST_MSS = 1460


def syn_template(path: Route, *, flags: str = "S", hop: bytes = b"") -> Template:
    """The template of the probes that take a path. To ourselves packets go bare (`wire.ip_sender`).

    `flags` in scapy's letters: "R" gives the reset that closes what a probe opened. `hop` is the link-layer address of
    the next hop, six bytes; nothing where it differs from frame to frame, or there is none.
    """
    from scapy.layers.inet import IP, TCP
    from scapy.layers.inet6 import IPv6
    from scapy.layers.l2 import Ether

    four = path.source.version == 4
    source = str(path.source)
    network = IP(src=source, dst="127.0.0.1", flags="DF", id=0) if four else IPv6(src=source, dst="::1")
    size = min(_LARGEST_MSS, path.link.mtu - (40 if four else 60))
    segment = TCP(sport=1, dport=1, seq=0, flags=flags, window=64240)
    if flags == "S":
        segment.options = [("MSS", size)]
    if path.link.medium is not Medium.ETHERNET:
        return Template.from_frame(bytes(network / segment), link=RAW_IP)
    mac = path.link.mac.hex(":")
    frame = Ether(src=mac, dst=hop.hex(":") or mac, type=0x0800 if four else 0x86DD) / network / segment
    return Template.from_frame(bytes(frame), link=ETHERNET)
