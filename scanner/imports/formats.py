"""The one table of foreign formats. A file is recognised by how it begins, never by its name.

To add one: a file with `recognise` and `read`, and a row here. The first row that recognises a file reads it.
"""

from collections.abc import Callable
from dataclasses import dataclass

from scanner.core.errors import InvalidInput
from scanner.imports import (
    masscan_json,
    masscan_list,
    naabu,
    netstat,
    nmap_grepable,
    nmap_xml,
    osquery,
    own_csv,
    own_json,
    rustscan,
    ss,
    zmap,
)
from scanner.imports.interface import ImportReader, Source

HEAD = 1 << 14
"""Bytes by which a file is recognised."""


@dataclass(frozen=True, slots=True)
class ForeignFormat:
    """One format that can be imported."""

    title: str
    """What it is, for help texts."""
    recognise: Callable[[str], bool]
    """Returns whether a file begins so."""
    read: ImportReader
    """Reads it."""


FOREIGN_FORMATS: tuple[ForeignFormat, ...] = (
    ForeignFormat("nmap XML, masscan XML", nmap_xml.recognise, nmap_xml.read),
    ForeignFormat("nmap -oG, masscan -oG", nmap_grepable.recognise, nmap_grepable.read),
    ForeignFormat("masscan -oL", masscan_list.recognise, masscan_list.read),
    ForeignFormat("masscan -oJ", masscan_json.recognise, masscan_json.read),
    ForeignFormat("JSON lines of scanner", own_json.recognise, own_json.read),
    ForeignFormat("CSV of scanner", own_csv.recognise, own_csv.read),
    ForeignFormat("zmap CSV", zmap.recognise, zmap.read),
    ForeignFormat("osquery listening_ports", osquery.recognise, osquery.read),
    ForeignFormat("naabu -json", naabu.recognise, naabu.read),
    ForeignFormat("RustScan -g", rustscan.recognise, rustscan.read),
    ForeignFormat("netstat -tulpn", netstat.recognise, netstat.read),
    ForeignFormat("ss -tulpnH", ss.recognise, ss.read),
)
"""Every format, in the order in which they are tried."""


def format_of(source: Source) -> ForeignFormat:
    """Return the format of a source. Raises InvalidInput with those that can be read."""
    source.stream.seek(0)
    head = source.stream.read(HEAD)
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InvalidInput("is UTF-16 text", where=source.name, cure="convert it: iconv -f UTF-16 -t UTF-8 FILE")
    text = head.decode("utf-8", "backslashreplace").removeprefix("\ufeff")
    if not text.strip():
        raise InvalidInput("is empty", where=source.name, cure="was the scan cut short?")
    for each in FOREIGN_FORMATS:
        if each.recognise(text):
            return each
    known = ", ".join(each.title for each in FOREIGN_FORMATS)
    raise InvalidInput("is in no format that can be imported", where=f"{source.name}:1", cure=f"there are {known}")
