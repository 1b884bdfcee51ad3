"""Truncated, mixed, mutated and malicious files: refused by line, never a crash, never half a scan."""

import io
import re
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import BinaryIO, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.core.errors import InvalidInput
from scanner.imports import lines, xml_events
from scanner.imports.formats import format_of
from scanner.imports.interface import ImportEvent, Source
from tests.imports import samples

AT = datetime(2026, 11, 25, tzinfo=UTC)
SAYS_ITS_END = ("nmap.xml", "nmap.gnmap", "masscan.gnmap", "masscan.xml", "masscan.list", "masscan.json")


def source(data: bytes | BinaryIO) -> Source:
    stream = io.BytesIO(data) if isinstance(data, bytes) else data
    return Source("scan", stream, AT, (ip_address("10.0.0.9"),))


def read(data: bytes) -> list[ImportEvent]:
    made = source(data)
    return list(format_of(made).read(made))


def refusal_of(data: bytes) -> str:
    """Return why a file is refused, or `read` where it is not."""
    try:
        read(data)
    except InvalidInput as error:
        return str(error)
    return "read"


@pytest.mark.parametrize("name", SAYS_ITS_END)
def test_a_file_that_breaks_off_anywhere_is_refused(name: str) -> None:
    data = samples.ALL[name].encode()
    marks = (b"# Nmap done", b"# Masscan done", b"</nmaprun>", b"# end", b"]\n")
    end = max(data.rfind(mark) for mark in marks)
    for cut in {*range(0, end, 11), end - 1}:
        with pytest.raises(InvalidInput):
            read(data[:cut])


@pytest.mark.parametrize("name", samples.ALL)
def test_a_line_of_another_format_is_refused_with_its_line(name: str) -> None:
    other = "10.0.0.1 -> [22]" if name != "rustscan.txt" else "open tcp 22 10.0.0.1 1"
    first, *rest = samples.ALL[name].splitlines()
    with pytest.raises(InvalidInput, match=r"^scan:[0-9]+: "):
        read("\n".join([first, *rest, other, ""]).encode())


@pytest.mark.parametrize("name", samples.ALL)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_mutated_file_is_read_or_refused_and_never_crashes(name: str, data: st.DataObject) -> None:
    text = bytearray(samples.ALL[name].encode())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(text) - 1))
        piece = data.draw(st.one_of(st.binary(max_size=4), st.sampled_from([b"\n", b"{", b'"', b"-1", b"99999999999"])))
        text[place : place + data.draw(st.integers(0, 3))] = piece
    assert re.match(r"read$|scan(:[0-9]+)?: ", refusal_of(bytes(text)))


BOMB = (
    '<?xml version="1.0"?>\n<!DOCTYPE nmaprun [\n<!ENTITY a "ha">\n'
    + "\n".join(f'<!ENTITY a{n} "&a{n - 1 or ""};&a{n - 1 or ""};">' for n in range(1, 30))
    + ']>\n<nmaprun scanner="&a29;"></nmaprun>'
)
OUTSIDE = '<!DOCTYPE nmaprun [\n<!ENTITY x SYSTEM "file:///etc/passwd">]>\n<nmaprun scanner="nmap" args="&x;"/>'


@pytest.mark.parametrize(("text", "line"), [(BOMB, 3), (OUTSIDE, 2)])
def test_a_declared_entity_is_refused_where_it_is_declared(text: str, line: int) -> None:
    with pytest.raises(InvalidInput, match=rf"^scan:{line}: declares an XML entity"):
        read(text.encode())


def test_nested_elements_values_and_endless_pieces_are_refused() -> None:
    cases = {
        b'<nmaprun scanner="nmap">' + b"<a>" * 1000: "nested too deeply",
        b'[{"ip": 1, "ports": ' + b"[" * 100_000: "nested too deeply|truncated",
        b'<nmaprun args="' + b"x" * (xml_events.LONGEST_PIECE + 3 * xml_events.XML_CHUNK_BYTES): "longer than",
        b"#masscan\n" + b"x" * (lines.LONGEST_LINE + 2): "longer than",
        b'[{"ip": "1", "ports": "' + b"x" * (9 << 20): "longer than",
    }
    for data, problem in cases.items():
        with pytest.raises(InvalidInput, match=problem):
            read(data)


def test_what_is_no_scan_is_refused_with_the_formats_that_are() -> None:
    for data, problem in (
        (b"", "is empty"),
        (b"\n \n", "is empty"),
        (b"\xff\xfe<\0n\0", "UTF-16"),
        (b"\x7fELF\0\0\0", "no format that can be imported"),
        (b"hello\n", "no format that can be imported"),
    ):
        with pytest.raises(InvalidInput, match=problem):
            read(data)


class Endless(io.RawIOBase):
    """A masscan list of a million rows that is never in memory."""

    def __init__(self) -> None:
        self._lines = self._made()

    def _made(self) -> Iterator[bytes]:
        yield b"#masscan\n"
        for n in range(200_000):
            yield b"open tcp 80 10.%d.%d.%d 1700000000\n" % (n >> 16, n >> 8 & 255, n & 255)
        yield b"# end\n"

    def readline(self, _: int | None = -1) -> bytes:
        return next(self._lines, b"")

    def seek(self, place: int, whence: int = 0) -> int:
        return 0


def test_reading_takes_no_more_memory_for_more_rows() -> None:
    from scanner.imports.masscan_list import read as read_list

    tracemalloc.start()
    try:
        count = sum(1 for _ in read_list(source(cast("BinaryIO", Endless()))))
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count == 200_001
    assert most < 1 << 20
