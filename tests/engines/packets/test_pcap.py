"""Captures are read by tcpdump as they were written."""

import errno
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from scapy.utils import rdpcap

from scanner.core.errors import OutputFailed
from scanner.engines.packets.pcap import PcapWriter
from scanner.engines.packets.receive_ring import Received
from tests.core.packets.frames import framed, tcp_answer

ANSWERS = [tcp_answer(version, port, 61000, flags) for version in (4, 6) for port, flags in ((443, "SA"), (444, "RA"))]
ACCEPTED = np.array([True, False, True, True])
needs_tcpdump = pytest.mark.skipif(shutil.which("tcpdump") is None, reason="tcpdump is not installed")


def received() -> Received:
    packets, lengths = framed([bytes(answer) for answer in ANSWERS])
    at = 1_700_000_000 + np.array([0.000001, 1.5, 2.999999, 3.0])
    return Received(packets=packets, lengths=lengths, original=lengths + np.uint32(4), at=at)


def tcpdump(path: Path) -> list[str]:
    words = ["tcpdump", "-n", "-tt", "-v", "-e", "-r", str(path)]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()


@needs_tcpdump
def test_tcpdump_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "answers.pcap"
    writer = PcapWriter(path)
    writer.write(received(), ACCEPTED)
    writer.write(received(), np.array([1]))
    writer.close()
    said = "\n".join(tcpdump(path))
    assert said.count("Flags [S.]") == 2
    assert said.count("Flags [R.]") == 2
    for time in ("1700000000.000001", "1700000002.999999", "1700000003.000000", "1700000001.500000"):
        assert time in said
    assert "10.77.0.2.443 > 10.77.0.1.61000" in said
    assert "fd77::2.444 > fd77::1.61000" in said


def test_the_bytes_are_those_received(tmp_path: Path) -> None:
    path = tmp_path / "answers.pcap"
    writer = PcapWriter(path)
    writer.write(received(), ACCEPTED)
    writer.close()
    read = rdpcap(str(path))
    assert [bytes(packet) for packet in read] == [bytes(ANSWERS[row]) for row in (0, 2, 3)]
    assert [packet.wirelen for packet in read] == [len(ANSWERS[row]) + 4 for row in (0, 2, 3)]


def test_nothing_is_there_until_all_is(tmp_path: Path) -> None:
    path = tmp_path / "answers.pcap"
    writer = PcapWriter(path)
    assert not path.exists()
    writer.discard()
    assert list(tmp_path.iterdir()) == []
    writer = PcapWriter(path)
    writer.write(received(), np.zeros(4, np.bool_))
    writer.close()
    assert [each.name for each in tmp_path.iterdir()] == ["answers.pcap"]
    assert len(rdpcap(str(path))) == 0


def test_a_place_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(OutputFailed, match=r"missing/a.pcap: cannot be written: no such file"):
        PcapWriter(tmp_path / "missing" / "a.pcap")


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    writer = PcapWriter(tmp_path / "a.pcap")
    writer.write(received(), ACCEPTED)
    monkeypatch.setattr("scanner.files.atomic.os.fsync", full)
    with pytest.raises(OutputFailed, match=r"a\.pcap: cannot be written: no space left"):
        writer.close()
    assert list(tmp_path.iterdir()) == []


def test_a_predictable_name_cannot_lead_elsewhere(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    for number in (os.getpid(), os.getpid() + 1):
        (tmp_path / f".a.pcap.{number}").symlink_to(victim)
    writer = PcapWriter(tmp_path / "a.pcap")
    writer.close()
    assert victim.read_text() == "mine"
