"""Classic BPF programs, assembled from words and labels, because a list of bare numbers cannot be reviewed.

A program decides in the kernel which packets a socket receives. Reading beyond the end of a packet ends it with "drop".
Jumps go forward only, at most 255 instructions. Instructions: the kernel's Documentation/networking/filter.rst and
linux/bpf_common.h. Every room that filters a socket assembles its program here; the programs stand in the rooms.
"""

import ctypes
import socket
import struct
from collections.abc import Sequence
from typing import Final, TypeAlias

FilterStep: TypeAlias = "str | tuple[str, int] | tuple[str, int, str, str]"
"""A label; an instruction and its operand; or a test, its operand, and the labels to go to. "" is the next step."""

TAKE: Final[tuple[FilterStep, ...]] = ("take", ("ret", 0x40000))
"""The end of a program that takes the packet whole."""
DROP: Final[tuple[FilterStep, ...]] = ("drop", ("ret", 0))
"""The end of a program that drops the packet."""

_CODE: Final = {
    "ldh": 0x28,  # A = the 16-bit word at k
    "ldb": 0x30,  # A = the byte at k
    "ldh x+": 0x48,  # A = the 16-bit word at X + k
    "ldb x+": 0x50,  # A = the byte at X + k
    "ldx ihl": 0xB1,  # X = 4 * (byte at k & 15), the length of an IPv4 header there
    "and": 0x54,
    "lsh": 0x64,
    "add x": 0x0C,
    "tax": 0x07,
    "jeq": 0x15,
    "jge": 0x35,
    "jgt": 0x25,
    "jset": 0x45,
    "ret": 0x06,
}
_INSTRUCTION: Final = struct.Struct("HBBI")
"""`struct sock_filter` (linux/filter.h)."""
_SO_ATTACH_FILTER: Final = 26


def assemble_filter(steps: Sequence[FilterStep]) -> bytes:
    """Assemble instructions and labels into an array of `struct sock_filter`."""
    labels: dict[str, int] = {}
    code: list[tuple[str, int] | tuple[str, int, str, str]] = []
    for step in steps:
        if isinstance(step, str):
            labels[step] = len(code)
        else:
            code.append(step)
    program = bytearray()
    for index, step in enumerate(code):
        jumps = [labels[label] - index - 1 if label else 0 for label in step[2:]] or [0, 0]
        program += _INSTRUCTION.pack(_CODE[step[0]], *jumps, step[1])
    return bytes(program)


def attach_filter(sock: socket.socket, program: bytes) -> None:
    """Let the kernel give a socket only the packets that a program takes. Linux only; raises OSError."""
    code = ctypes.create_string_buffer(program, len(program))
    wish = struct.pack("HP", len(program) // _INSTRUCTION.size, ctypes.addressof(code))
    sock.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, wish)
