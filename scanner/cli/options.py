"""The options of commands that sweep: each said once, with its help, and gathered into one value.

Names are those that users of nmap, masscan and zmap already have in their fingers.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from scanner.app.exit_status import FailOn
from scanner.cli.views.interfaces import show_interfaces
from scanner.core.errors import InvalidInput
from scanner.engines.choose import EngineName, Wire

_WHAT = "What to scan"
_HOW = "How to probe"
_OUT = "What comes out"
_SAME = "nmap's word for what this scanner does anyway; accepted."

Targets: TypeAlias = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="TARGET...",
        show_default=False,
        help="Addresses, networks (10.0.0.0/24), ranges (10.0.0.1-10.0.0.20), octets (10.0.0-3.1-20, 10.0.*.1), "
        "names, IPv6.",
    ),
]
TargetFiles: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("-iL", metavar="FILE", help="Read targets from a file; - is standard input.", rich_help_panel=_WHAT),
]
Ports: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "-p",
        "--ports",
        metavar="PORTS",
        help="22,80,8000-8100; - is all; ssh,http; T:80; or what the registry says: unassigned, assigned, reserved, "
        "deregistered, private-use, system, user, dynamic. Default: 1-1023 and ports commonly found open above.",
        rich_help_panel=_WHAT,
    ),
]
Exclude: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(metavar="TARGET,...", help="Never probe these. Exclusion always wins.", rich_help_panel=_WHAT),
]
ExcludeFile: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--excludefile", metavar="FILE", help="Never probe what this file names.", rich_help_panel=_WHAT),
]
ExcludePorts: TypeAlias = Annotated[
    list[str] | None, typer.Option(metavar="PORTS", help="Never probe these ports.", rich_help_panel=_WHAT)
]
ScopeFile: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--scope",
        metavar="FILE",
        help="Who permits what until when. Needed for any address that is neither loopback nor private.",
        rich_help_panel=_WHAT,
    ),
]
DryRun: TypeAlias = Annotated[
    bool, typer.Option("-sL", "--dry-run", help="Send nothing; show the plan.", rich_help_panel=_WHAT)
]
ShardText: TypeAlias = Annotated[
    str,
    typer.Option("--shard", metavar="I/N", help="Do the I-th of N parts; needs --seed.", rich_help_panel=_WHAT),
]
Seed: TypeAlias = Annotated[
    int | None,
    typer.Option(help="Order of the probes; the same seed gives the same order.", min=0, rich_help_panel=_WHAT),
]

Engine: TypeAlias = Annotated[
    EngineName, typer.Option("--engine", help="auto: syn where that is possible, else connect.", rich_help_panel=_HOW)
]
ConnectScan: TypeAlias = Annotated[
    bool, typer.Option("-sT", help="The same as --engine connect.", rich_help_panel=_HOW)
]
SynScan: TypeAlias = Annotated[bool, typer.Option("-sS", help="The same as --engine syn.", rich_help_panel=_HOW)]
Rate: TypeAlias = Annotated[
    float | None,
    typer.Option(
        "--rate",
        "--max-rate",
        metavar="N",
        help="Most probes a second, retries and --identify included; 0 is no limit. "
        "Default: 5000, and no limit on loopback.",
        rich_help_panel=_HOW,
    ),
]
HostRate: TypeAlias = Annotated[
    float | None,
    typer.Option(
        metavar="N",
        help="Most probes a second to one address, likewise; 0 is no limit. Default: 1000, and no limit on loopback.",
        rich_help_panel=_HOW,
    ),
]
Retries: TypeAlias = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        min=0,
        max=20,
        help="How often to ask again where nothing answered. Default: 1 with connects, 2 with SYNs.",
        rich_help_panel=_HOW,
    ),
]
Timeout: TypeAlias = Annotated[
    float | None,
    typer.Option(
        metavar="SECONDS",
        help="How long to wait for an answer to one probe. From 1 s on the kernel repeats connects; --rate counts it.",
        rich_help_panel=_HOW,
    ),
]
Interface: TypeAlias = Annotated[
    str, typer.Option("-e", "--interface", metavar="IFACE", help="Send by this interface only.", rich_help_panel=_HOW)
]
InterfaceList: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--iflist",
        is_eager=True,
        callback=lambda wanted: show_interfaces(wanted=wanted),
        help="Show this machine's interfaces and routes, and leave.",
        rich_help_panel=_HOW,
    ),
]
Discover: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--discover",
        help="First ask a few ports of every address, then all ports only where anything answered.",
        rich_help_panel=_HOW,
    ),
]
WireName: TypeAlias = Annotated[
    Wire, typer.Option("--wire", help="How SYN frames are handed to the kernel.", rich_help_panel=_HOW)
]
Pcap: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="Keep the accepted answers for tcpdump or Wireshark (SYN).", rich_help_panel=_OUT
    ),
]
NoPing: TypeAlias = Annotated[bool, typer.Option("-Pn", help=_SAME, rich_help_panel=_HOW)]
NoDns: TypeAlias = Annotated[bool, typer.Option("-n", help=_SAME, rich_help_panel=_HOW)]

Identify: TypeAlias = Annotated[
    bool,
    typer.Option("--identify", "-sV", help="Ask open ports what they are, politely; adds rules.", rich_help_panel=_HOW),
]

OutFile: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "-o",
        "--output",
        metavar="FILE",
        help="Write findings here: CSV, or with --json JSON lines.",
        rich_help_panel=_OUT,
    ),
]
PlainOutFile: TypeAlias = Annotated[
    str, typer.Option("-o", "--output", metavar="FILE", help="Write here; standard output without.")
]
Csv: TypeAlias = Annotated[
    bool, typer.Option("--csv", help="Findings as CSV on standard output, or in -o.", rich_help_panel=_OUT)
]
Json: TypeAlias = Annotated[
    bool, typer.Option("--json", help="JSON lines on standard output, or in -o.", rich_help_panel=_OUT)
]
NmapXml: TypeAlias = Annotated[
    str | None, typer.Option("-oX", metavar="FILE", help="Also write nmap's XML.", rich_help_panel=_OUT)
]
AllOpen: TypeAlias = Annotated[
    bool, typer.Option("--all-open", help="CSV: every open port, not only findings.", rich_help_panel=_OUT)
]
FailOnSeverity: TypeAlias = Annotated[
    FailOn, typer.Option("--fail-on", help="Exit 1 from this severity on.", rich_help_panel=_OUT)
]
RegistryFile: TypeAlias = Annotated[
    Path | None,
    typer.Option("--registry", metavar="FILE", help="Judge by this registry (IANA's CSV).", rich_help_panel=_OUT),
]
PolicyFile: TypeAlias = Annotated[
    Path | None,
    typer.Option("--policy", metavar="FILE", help="What is expected where, by whom, until when.", rich_help_panel=_OUT),
]
HistoryFile: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--history",
        metavar="FILE",
        help="The history of sweeps. Default: in your state folder.",
        rich_help_panel=_OUT,
    ),
]
NoHistory: TypeAlias = Annotated[
    bool, typer.Option("--no-history", help="Do not remember the sweep.", rich_help_panel=_OUT)
]
Quiet: TypeAlias = Annotated[
    bool, typer.Option("-q", "--quiet", help="No progress, summary or warnings.", rich_help_panel=_OUT)
]
Verbose: TypeAlias = Annotated[
    int,
    typer.Option(
        "-v",
        "--verbose",
        count=True,
        show_default=False,
        help="Show the whole table, however long.",
        rich_help_panel=_OUT,
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanOptions:
    """What the user asked for, as they wrote it."""

    targets: tuple[str, ...] = ()
    """Target words."""
    target_files: tuple[str, ...] = ()
    """Files of target words."""
    ports: tuple[str, ...] = ()
    """Port words; none for the default ports."""
    exclude: tuple[str, ...] = ()
    """Target words that are left out."""
    exclude_files: tuple[str, ...] = ()
    """Files of target words that are left out."""
    exclude_ports: tuple[str, ...] = ()
    """Port words that are left out."""
    scope: Path | None = None
    """The scope file."""
    shard: str = "1/1"
    """Which part of the plan."""
    seed: int | None = None
    """Order of the plan; None draws one."""
    engine: EngineName = EngineName.AUTO
    """How to probe."""
    rate: float | None = None
    """Probes a second; 0 for no limit, None for the default."""
    host_rate: float | None = None
    """Probes a second to one address; 0 for no limit, None for the default."""
    retries: int | None = None
    """How often to ask again; None for the engine's default."""
    timeout: float | None = None
    """Seconds to wait for an answer; None for the engine's default."""
    discover: bool = False
    """Whether to probe only addresses that answered on one of a few ports."""
    interface: str = ""
    """The interface to send by; empty leaves it to the routes."""
    wire: Wire = Wire.AUTO
    """How SYN frames are handed to the kernel."""
    pcap: Path | None = None
    """The file for accepted answers."""
    identify: bool = False
    """Whether open ports are asked what they are."""
    output: str = ""
    """The file for findings; empty for none."""
    csv: bool = False
    """Whether CSV was asked for."""
    json: bool = False
    """Whether JSON lines were asked for."""
    nmap_xml: str = ""
    """The file for nmap's XML; empty for none."""
    all_open: bool = False
    """Whether the CSV has every open endpoint."""
    fail_on: FailOn = FailOn.LOW
    """From which severity on the exit status is 1."""
    registry: Path | None = None
    """The registry file to judge by."""
    policy: Path | None = None
    """The policy file to judge by."""
    history: Path | None = None
    """The history to remember the sweep in; None for the usual one."""
    no_history: bool = False
    """Whether to do without."""
    audit: str = ""
    """The audit that this sweep is a night of; empty for `scan`."""
    places: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """`file:line` of each word of an option that comes from an audit file, by the option's name."""
    audit_file: Path | None = None
    """The file that says so."""
    quiet: bool = False
    """Whether to leave out progress, summary and warnings."""
    verbose: int = 0
    """Above 0, a terminal is shown every row of the table."""


def engine_choice(engine: EngineName, *, connect: bool, syn: bool) -> EngineName:
    """The engine that `--engine`, `-sT` and `-sS` name together.

    Raises:
        InvalidInput: they contradict each other.
    """
    named = {EngineName.CONNECT} if connect else set()
    named |= {EngineName.SYN} if syn else set()
    named |= {engine} if engine is not EngineName.AUTO else set()
    if len(named) > 1:
        raise InvalidInput("two engines are named", where="-sT/-sS/--engine", cure="choose one")
    return named.pop() if named else EngineName.AUTO


def file_named(path: str | None, option: str) -> str:
    """The path that an option names, empty where it was not given.

    Raises:
        InvalidInput: it was given and names nothing, as `-o "$UNSET"` does in a script.
    """
    if path == "":
        raise InvalidInput("no file is named", where=option, cure="- is standard output")
    return path or ""
