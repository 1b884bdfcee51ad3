"""Batches of probes to send in tests, and what an interface counted of them."""

import json

import numpy as np
from scapy.layers.inet import IP, TCP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether

from scanner.core.columns import U16
from scanner.core.packets.build import ETHERNET, RAW_IP, Template, fill
from scanner.core.packets.cookie import Cookie
from scanner.engines.packets.sendmmsg import Sender, Sent
from tests.core.packets.frames import KEY, words
from tests.netlab.lab import Namespace

FIRST, LAST = 61000, 61010
"""Our source ports."""


def mac(host: Namespace, link: str = "v0") -> str:
    return json.loads(host.ip("-j", "link", "show", link))[0]["address"]


def counted(host: Namespace, link: str = "v0") -> int:
    """How many packets the interface says it has sent."""
    return int(json.loads(host.ip("-j", "-s", "link", "show", link))[0]["stats64"]["tx"]["packets"])


def silence(host: Namespace, link: str = "v0") -> None:
    """Let the host send nothing of its own accord and receive nothing, so that only what we send is counted.

    What comes in is dropped as early as can be, and without IPv6 nothing is announced.
    """
    host.sysctl("net.ipv6.conf.all.disable_ipv6", 1)
    chain = f"type filter hook ingress device {link} priority 0; policy drop;"
    host.run("nft", "-f", "-", stdin=f"table netdev t {{ chain c {{ {chain} }}; }}")


def template(source: str, hop: tuple[str, str] | None = None) -> Template:
    """A template of SYNs from `source`; `hop` is our MAC address and the next hop's."""
    packet = (IPv6(src=source, dst="::") if ":" in source else IP(src=source, dst="0.0.0.0")) / TCP()
    if hop:
        return Template.from_frame(bytes(Ether(src=hop[0], dst=hop[1]) / packet), link=ETHERNET)
    return Template.from_frame(bytes(packet), link=RAW_IP)


def probe(sender: Sender, form: Template, address: str, port: U16, *, source_port: int = FIRST) -> list[Sent]:
    """Send one SYN to each of an address's ports; what `send` said of each batch."""
    said, done = [], 0
    while done < len(port):
        rows = sender.rows(form, len(port) - done)
        chunk = port[done : done + len(rows)]
        high, low = (np.repeat(word, len(chunk)) for word in words([address]))
        source_ports = np.full(len(chunk), source_port, np.uint16)
        sequence = Cookie(KEY).of(form.version, high=high, low=low, port=chunk, source_port=source_ports)
        fill(form, rows, high=high, low=low, port=chunk, source_port=source_ports, sequence=sequence)
        said.append(sender.send(len(chunk)))
        done += len(rows)
        if said[-1].error:
            break
    return said


def total(said: list[Sent]) -> int:
    return sum(sent.count for sent in said)
