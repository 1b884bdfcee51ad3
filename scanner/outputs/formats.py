"""The one table of file formats. Everything that must know them all iterates over `FORMATS`.

Options, keys of `[outputs]` in an audit file, the check for collisions, absolute paths for `scanner resume`,
`history show` and the test with hostile payloads read this table, so a new format is one file and one row. What does
not belong here: the table and the summary for people (`table.py`, `summary.py`), which never go to a file.

A format's module is imported only when one is made: `scanner --help` needs the names, not the writers.
"""

import difflib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path, PurePath

from scanner.core.errors import InvalidInput
from scanner.core.sanitise import sanitise
from scanner.outputs.destination import STANDARD_OUTPUT, Destination, collide, destination_for
from scanner.outputs.interface import Output


@dataclass(frozen=True, slots=True, kw_only=True)
class FormatOptions:
    """The choices that change what a format writes."""

    all_open: bool = False
    """Whether every open endpoint is written, not only what is unexpected or missing (formats of findings)."""
    per_endpoint: bool = False
    """Whether CSV has one row for each open endpoint instead of one for each finding."""
    statuses: Callable[[], bytes] = bytes
    """Returns what the registry says of each TCP port, 65,536 codes (`Registry.status_codes`), or nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One file format."""

    name: str
    """The name that users write: `csv`, `nmap-xml`."""
    suffixes: tuple[str, ...]
    """File name endings that mean this format, with their dot, in lower case. The longest one that fits decides."""
    option: str = ""
    """A short option that names a file for it (`-oX`), or empty."""
    audit_key: str
    """Its key in `[outputs]` of an audit file."""
    title: str
    """What it is, in a few words, for help texts."""
    make: Callable[[Destination, FormatOptions], Output]
    """Return an output that writes this format to a destination. Imports the writer."""
    streams: bool = False
    """Whether each result is written at once, so that a reader of standard output can follow line by line."""

    def ending(self, path: str) -> str:
        """Return the ending of a file name where it is one of this format's, else the format's usual one."""
        fitting = [suffix for suffix in self.suffixes if path.lower().endswith(suffix)]
        return max(fitting, key=len, default=self.suffixes[0])


@dataclass(frozen=True, slots=True)
class OutputRequest:
    """A file that a user asked for."""

    format: str
    """Name of its format in `FORMATS`."""
    path: str
    """Where it goes; `-` is standard output."""

    @property
    def words(self) -> str:
        """The request as a user may have written it, for messages: `-oX scan.xml`, `--format sarif=a.sarif`."""
        option = format_named(self.format).option
        return sanitise(f"{option} {self.path}" if option else f"--format {self.format}={self.path}")

    def absolute(self) -> "OutputRequest":
        """The same file seen from any folder; standard output stays what it is."""
        return replace(self, path=absolute_path(self.path))


def _csv(destination: Destination, options: FormatOptions) -> Output:
    from scanner.outputs.csv_file import CsvFile

    return CsvFile(destination, all_open=options.all_open, per_endpoint=options.per_endpoint)


def _json_lines(destination: Destination, _: FormatOptions) -> Output:
    from scanner.outputs.json_lines import JsonLines

    return JsonLines(destination)


def _nmap_xml(destination: Destination, _: FormatOptions) -> Output:
    from scanner.outputs.nmap_xml import NmapXml

    return NmapXml(destination)


def _html(destination: Destination, options: FormatOptions) -> Output:
    from scanner.outputs.report.html import HtmlReport

    return HtmlReport(destination, statuses=options.statuses())


def _sarif(destination: Destination, options: FormatOptions) -> Output:
    from scanner.outputs.sarif import Sarif

    return Sarif(destination, all_open=options.all_open)


def _defectdojo(destination: Destination, options: FormatOptions) -> Output:
    from scanner.outputs.defectdojo import DefectDojo

    return DefectDojo(destination, all_open=options.all_open)


def _markdown(destination: Destination, options: FormatOptions) -> Output:
    from scanner.outputs.markdown import Markdown

    return Markdown(destination, all_open=options.all_open)


def _junit(destination: Destination, options: FormatOptions) -> Output:
    from scanner.outputs.junit import JUnit

    return JUnit(destination, all_open=options.all_open)


def _prometheus(destination: Destination, _: FormatOptions) -> Output:
    from scanner.outputs.prometheus import Prometheus

    return Prometheus(destination)


def _ecs(destination: Destination, options: FormatOptions) -> Output:
    from scanner.outputs.ecs import Ecs

    return Ecs(destination, all_open=options.all_open)


def _cef(destination: Destination, options: FormatOptions) -> Output:
    from scanner.outputs.cef import Cef

    return Cef(destination, all_open=options.all_open)


def _netbox(destination: Destination, _: FormatOptions) -> Output:
    from scanner.outputs.netbox import NetBox

    return NetBox(destination)


FORMATS: tuple[Format, ...] = (
    Format(
        name="csv",
        suffixes=(".csv",),
        audit_key="csv",
        title="CSV, one row a finding, the same columns every week",
        make=_csv,
    ),
    Format(
        name="jsonl",
        suffixes=(".jsonl", ".ndjson", ".json"),
        audit_key="json",
        title="JSON lines, one object a line, as results come in",
        make=_json_lines,
        streams=True,
    ),
    Format(
        name="nmap-xml",
        suffixes=(".xml",),
        option="-oX",
        audit_key="nmap_xml",
        title="nmap's XML, for tools that read nmap",
        make=_nmap_xml,
    ),
    Format(
        name="html",
        suffixes=(".html", ".htm"),
        audit_key="html",
        title="a page to read, search and print, without network",
        make=_html,
    ),
    Format(
        name="sarif",
        suffixes=(".sarif", ".sarif.json"),
        audit_key="sarif",
        title="SARIF 2.1.0, for code scanning views",
        make=_sarif,
    ),
    Format(
        name="defectdojo",
        suffixes=(".dojo.json", ".defectdojo.json"),
        audit_key="defectdojo",
        title="DefectDojo generic findings; importing again closes what is gone",
        make=_defectdojo,
    ),
    Format(
        name="markdown",
        suffixes=(".md", ".markdown"),
        audit_key="markdown",
        title="Markdown, for tickets and wikis",
        make=_markdown,
    ),
    Format(
        name="junit",
        suffixes=(".junit.xml",),
        audit_key="junit",
        title="JUnit XML: a finding is a failed test, missing coverage an error",
        make=_junit,
    ),
    Format(
        name="prometheus",
        suffixes=(".prom",),
        audit_key="prometheus",
        title="Prometheus text file: age, coverage and findings of the newest sweep",
        make=_prometheus,
    ),
    Format(
        name="ecs",
        suffixes=(".ecs.jsonl", ".ecs.json"),
        audit_key="ecs",
        title="Elastic Common Schema, one JSON document a finding",
        make=_ecs,
    ),
    Format(
        name="cef",
        suffixes=(".cef",),
        audit_key="cef",
        title="CEF in RFC 5424 syslog lines, one a finding",
        make=_cef,
    ),
    Format(
        name="netbox",
        suffixes=(".netbox.json",),
        audit_key="netbox",
        title="NetBox services, one for each open port and protocol",
        make=_netbox,
    ),
)
"""Every format, in the order in which help texts list them."""

# fmt: off
FOREIGN_SUFFIXES = frozenset(
    {
        ".7z", ".bz2", ".db", ".doc", ".docx", ".gnmap", ".gz", ".ods", ".odt", ".parquet", ".pcap",
        ".pcapng", ".pdf", ".sqlite", ".tar", ".toml", ".tsv", ".xls", ".xlsx", ".xz", ".yaml", ".yml", ".zip",
        ".zst",
    }
)
# fmt: on
"""Endings of formats that this program does not write: a CSV under such a name would only confuse its reader."""


def format_names() -> tuple[str, ...]:
    """Return the names of all formats."""
    return tuple(each.name for each in FORMATS)


def audit_keys() -> tuple[str, ...]:
    """Return the keys that an audit file's `[outputs]` may name files with."""
    return tuple(each.audit_key for each in FORMATS)


def format_named(name: str) -> Format:
    """Return the format of that name. Raises InvalidInput with the names that exist."""
    for each in FORMATS:
        if each.name == name:
            return each
    near = difflib.get_close_matches(name.lower(), format_names(), n=1)
    cure = f"did you mean {near[0]}?" if near else f"there are {', '.join(format_names())}"
    raise InvalidInput(f"'{sanitise(name)}' is not an output format", where="--format", cure=cure)


def format_for(path: str, default: str = "csv") -> Format:
    """Return the format that a file name's ending means, the default where it means none.

    Raises:
        InvalidInput: the ending belongs to a format that this program does not write.
    """
    name = "" if path in STANDARD_OUTPUT else PurePath(path).name.lower()
    fitting = [(len(suffix), each) for each in FORMATS for suffix in each.suffixes if name.endswith(suffix)]
    if fitting:
        return max(fitting, key=lambda pair: pair[0])[1]
    if (suffix := PurePath(name).suffix) in FOREIGN_SUFFIXES:
        known = ", ".join(f"{each.suffixes[0]} ({each.name})" for each in FORMATS)
        cure = f"use {known}, or --format NAME=FILE"
        raise InvalidInput(f"cannot write {suffix} files", where=sanitise(path), cure=cure)
    return format_named(default)


def parse_request(text: str) -> OutputRequest:
    """Return what `--format NAME=FILE` asks for. Raises InvalidInput."""
    name, equals, path = text.partition("=")
    if not equals:
        raise InvalidInput(
            f"'{sanitise(text)}' names no file", where="--format", cure="write NAME=FILE, as in csv=a.csv"
        )
    if not path:
        raise InvalidInput("the file name is empty", where=f"--format {sanitise(text)}", cure="- is standard output")
    return OutputRequest(format_named(name).name, path)


def check_collisions(requests: Sequence[OutputRequest]) -> None:
    """Make sure that no two outputs write one file or standard output. Raises InvalidInput naming both."""
    for first, second in combinations(requests, 2):
        if collide(first.path, second.path):
            place = "standard output" if first.path in STANDARD_OUTPUT else "the same file"
            where = first.words if first == second else f"{first.words} and {second.words}"
            raise InvalidInput(f"both write {place}", where=where, cure="name another file for one of them")


def make_outputs(requests: Iterable[OutputRequest], options: FormatOptions) -> list[Output]:
    """Return an output for each request, in their order; nothing is opened yet. Raises InvalidInput on collisions."""
    wanted = tuple(requests)
    check_collisions(wanted)
    return [format_named(each.format).make(destination_for(each.path), options) for each in wanted]


def absolute_path(path: str) -> str:
    """Return an output's path as seen from any folder; empty and standard output stay what they are."""
    return path if not path or path in STANDARD_OUTPUT else str(Path(path).absolute())
