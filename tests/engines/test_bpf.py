"""Words and labels become the instructions that the kernel reads."""

import struct

from scanner.engines.bpf import assemble_filter


def test_a_program_is_what_the_kernel_wants() -> None:
    program = assemble_filter(["start", ("ldh", 12), ("jeq", 0x800, "end", ""), ("ret", 0), "end", ("ret", 9)])
    assert program == struct.pack("HBBI" * 4, 0x28, 0, 0, 12, 0x15, 1, 0, 0x800, 6, 0, 0, 0, 6, 0, 0, 9)
