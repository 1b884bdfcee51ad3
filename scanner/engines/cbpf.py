"""A kernel filter that lets through only what may answer us, as classic BPF.

The receive ring would fill with other people's traffic if the kernel did not sort first. The program is the
column reader's first questions in another language: is it TCP to one of our source ports, or an ICMP error that quotes
TCP from one of them? It is assembled here from words and labels, because a list of bare numbers cannot be
reviewed. Whether an answer is genuine is asked later; a forged one passes, so that it can be counted.

Reading beyond a frame's end ends a program with "drop". Jumps go forward only, at most 255 instructions.
Instructions: the kernel's Documentation/networking/filter.rst and linux/bpf_common.h.
"""

import struct
from collections.abc import Sequence
from typing import Final, TypeAlias

from scanner.core.packets import ETHERNET

Step: TypeAlias = "str | tuple[str, int] | tuple[str, int, str, str]"
"""A label; an instruction and its operand; or a test, its operand, and the labels to go to. "" is the next step."""

_CODE: Final = {
    "ldh": 0x28,  # A = the 16-bit word at k
    "ldb": 0x30,  # A = the byte at k
    "ldh x+": 0x48,  # A = the 16-bit word at X + k
    "ldb x+": 0x50,  # A = the byte at X + k
    "ldx ihl": 0xB1,  # X = 4 * (byte at k & 15), the length of an IPv4 header there
    "and": 0x54,
    "lsh": 0x64,
    "rsh": 0x74,
    "add x": 0x0C,
    "tax": 0x07,
    "jeq": 0x15,
    "jge": 0x35,
    "jgt": 0x25,
    "jset": 0x45,
    "ret": 0x06,
}


def answer_filter(*, link: int, first_port: int, last_port: int) -> bytes:
    """The program for one interface, as an array of `struct sock_filter`.

    Args:
        link: length of the link header, `ETHERNET` or `RAW_IP`.
        first_port: lowest of our source ports.
        last_port: highest of our source ports.
    """
    return assemble(
        [*_family(link), *_ipv4(link), *_ipv6(link), *_port_in(first_port, last_port)],
    )


def assemble(steps: Sequence[Step]) -> bytes:
    """Instructions and labels as an array of `struct sock_filter` (linux/filter.h)."""
    labels: dict[str, int] = {}
    code: list[tuple[str, int] | tuple[str, int, str, str]] = []
    for step in steps:
        if isinstance(step, str):
            labels[step] = len(code)
        else:
            code.append(step)
    program = bytearray()
    for place, step in enumerate(code):
        jumps = [labels[label] - place - 1 if label else 0 for label in step[2:]] or [0, 0]
        program += struct.pack("HBBI", _CODE[step[0]], *jumps, step[1])
    return bytes(program)


def _family(link: int) -> list[Step]:
    """Go to `ipv4` or `ipv6`, or drop."""
    if link == ETHERNET:
        return [("ldh", 12), ("jeq", 0x0800, "ipv4", ""), ("jeq", 0x86DD, "ipv6", "drop")]
    return [("ldb", 0), ("rsh", 4), ("jeq", 4, "ipv4", ""), ("jeq", 6, "ipv6", "drop")]


def _ipv4(at: int) -> list[Step]:
    """Load the port of ours that an IPv4 packet at `at` is for, and go to `port`; or drop."""
    quoted = at + 8
    return [
        "ipv4",
        ("ldh", at + 6),
        ("jset", 0x3FFF, "drop", ""),
        ("ldx ihl", at),
        ("ldb", at + 9),
        ("jeq", 6, "tcp4", ""),
        ("jeq", 1, "icmp4", "drop"),
        "tcp4",
        ("ldh x+", at + 2),
        ("jge", 0, "port", "port"),
        "icmp4",
        ("ldb x+", at),
        ("jeq", 3, "error4", ""),
        ("jeq", 11, "error4", ""),
        ("jeq", 12, "error4", "drop"),
        "error4",
        ("ldb x+", quoted + 9),
        ("jeq", 6, "", "drop"),
        ("ldb x+", quoted),
        ("and", 15),
        ("lsh", 2),
        ("add x", 0),
        ("tax", 0),
        ("ldh x+", quoted),
        ("jge", 0, "port", "port"),
    ]


def _ipv6(at: int) -> list[Step]:
    """Load the port of ours that an IPv6 packet at `at` is for, and fall through; or drop."""
    body = at + 40
    quoted = body + 8
    return [
        "ipv6",
        ("ldb", at + 6),
        ("jeq", 6, "tcp6", ""),
        ("jeq", 58, "icmp6", "drop"),
        "tcp6",
        ("ldh", body + 2),
        ("jge", 0, "port", "port"),
        "icmp6",
        ("ldb", body),
        ("jge", 1, "", "drop"),
        ("jgt", 4, "drop", ""),
        ("ldb", quoted + 6),
        ("jeq", 6, "", "drop"),
        ("ldh", quoted + 40),
    ]


def _port_in(first: int, last: int) -> list[Step]:
    """Take the frame whole if the loaded port is in range."""
    return [
        "port",
        ("jge", first, "", "drop"),
        ("jgt", last, "drop", "take"),
        "take",
        ("ret", 0x40000),
        "drop",
        ("ret", 0),
    ]
