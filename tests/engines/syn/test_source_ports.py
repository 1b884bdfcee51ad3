"""Source ports: a free block, and what each port of it says."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.core.errors import InvalidInput
from scanner.engines.syn.source_ports import SourcePorts, choose_ports


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

        def pick(count: int, turn: int = turn) -> int:
            return turn * (count - 1) // 1999

        ports = choose_ports(64, 3, pick=pick, proc=proc)
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
def test_a_source_port_tells_slot_and_try(slots: int, attempts: int, first: int) -> None:
    ports = SourcePorts(first, slots, attempts)
    every = [(slot, attempt) for slot in range(slots) for attempt in range(attempts)]
    numbers = np.array([ports.port(*each) for each in every], np.uint16)
    slot, attempt = ports.split(numbers)
    assert list(zip(slot.tolist(), attempt.tolist(), strict=True)) == every
    outside, _ = ports.split(np.array([0, first - 1, ports.last + 1, 65_535], np.uint16))
    assert outside[[0, 1, 2]].tolist() == [-1, -1, -1]
