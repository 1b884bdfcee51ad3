"""Everything that can be said about a sweep, declared once.

The command line, the audit file, the library and `scanner resume` all read these declarations (`app/option.py` says
how), so that the same words mean the same sweep everywhere. Flag names are those that users of nmap, masscan and zmap
already know.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from scanner.app.exit_status import FailOn
from scanner.app.option import Kind, Panel, option
from scanner.app.port_order import PortOrder
from scanner.engines.choose import EngineName, Wire

if TYPE_CHECKING:
    from scanner.core.policy.policy import Policy
    from scanner.core.registry.registry import Registry
    from scanner.core.rules.rule import Rule
    from scanner.core.targets.scope import Scope
    from scanner.core.targets.targets import Word
    from scanner.engines.interface import Engine
    from scanner.outputs.formats import OutputRequest
    from scanner.outputs.interface import Output

Words: TypeAlias = "str | Sequence[str | int | Word]"
"""Words, or one text with words in it; a `Word` also says where it was written, for errors to point at."""

FilePath: TypeAlias = str | Path


@dataclass(frozen=True, slots=True)
class ScanOptions:
    """What a sweep is asked to do, as the user said it. Nothing here is checked or resolved yet."""

    targets: Words = option(
        (),
        Kind.TARGETS,
        "Addresses, networks (10.0.0.0/24), ranges (10.0.0.1-10.0.0.20), octets (10.0.0-3.1-20, 10.0.*.1), "
        "host names, IPv6.",
        metavar="TARGET...",
        audit=True,
    )
    """Target words."""
    ports: Words = option(
        (),
        Kind.PORTS,
        "Ports to scan: 22,80,8000-8100; - for all; ssh,http; T:80; or a registry class: unassigned, assigned, "
        "reserved, deregistered, private-use, system, user, dynamic. Default: common (1-1023 and commonly open "
        "ports above; U:common: UDP ports whose services have a question, and those of the policy).",
        "-p",
        "--ports",
        metavar="PORTS",
        audit=True,
    )
    """Port words; none for the default ports."""
    top_ports: int | None = option(
        None, Kind.COUNT, "Scan the N ports most often open, up to 100; adds to -p.", metavar="N", most=100, audit=True
    )
    """How many of the ranked ports are scanned."""
    target_files: Sequence[FilePath] = option(
        (), Kind.FILES, "Read targets from a file (- for standard input).", "-iL", metavar="FILE", audit=True
    )
    """Files of target words."""
    exclude: Words = option(
        (), Kind.WORDS, "Never probe these addresses. Exclusion always wins.", metavar="TARGET,...", audit=True
    )
    """Target words that are left out."""
    exclude_files: Sequence[FilePath] = option(
        (),
        Kind.FILES,
        "Never probe the addresses in this file.",
        "--excludefile",
        "--exclude-file",
        metavar="FILE",
        audit=True,
    )
    """Files of target words that are left out."""
    exclude_ports: Words = option((), Kind.PORTS, "Never probe these ports.", metavar="PORTS", audit=True)
    """Port words that are left out."""
    scope: "FilePath | Scope | None" = option(
        None,
        Kind.FILE,
        "Who permits which networks until when. Required for any address that is neither loopback nor private.",
        metavar="FILE",
        audit=True,
    )
    """The scope file, or what one says."""
    ipv4: bool = option(False, Kind.FLAG, "Use only the IPv4 addresses of host names.", "-4", "--ipv4", audit=True)
    """Whether host names mean their IPv4 addresses only."""
    ipv6: bool = option(False, Kind.FLAG, "Use only the IPv6 addresses of host names.", "-6", "--ipv6", audit=True)
    """Whether host names mean their IPv6 addresses only."""
    order: PortOrder = option(
        PortOrder.LIKELY,
        Kind.CHOICE,
        "Order of the probes: the ports most often open first, or all endpoints at random.",
        audit=True,
    )
    """Whether likely ports come first."""
    shard: str = option("1/1", Kind.TEXT, "Scan only part I of N; needs --seed.", metavar="I/N")
    """Which part of the plan."""
    seed: int | None = option(
        None, Kind.COUNT, "Seed of the probe order; the same seed gives the same order.", metavar="N"
    )
    """Order of the plan; None draws one."""

    engine: "EngineName | Engine" = option(
        EngineName.AUTO,
        Kind.CHOICE,
        "How to probe; auto takes syn where raw sockets are permitted, else connect.",
        panel=Panel.PROBES,
        audit=True,
    )
    """How to probe; the library also takes an engine of its caller's."""
    rate: float | None = option(
        None,
        Kind.RATE,
        "Maximum probes per second over all targets, including retries and --identify; 10k and 1M are understood, 0 is "
        "unlimited. Below it the rate finds itself.",
        metavar="N",
        panel=Panel.PROBES,
        audit=True,
    )
    """Ceiling in probes per second; 0 for unlimited, None for none of the user's."""
    host_rate: float | None = option(
        None,
        Kind.RATE,
        "Maximum probes per second to one address, likewise.",
        metavar="N",
        panel=Panel.PROBES,
        audit=True,
    )
    """Ceiling in probes per second to one address; 0 for unlimited, None for none of the user's."""
    max_rate: float | None = option(
        None,
        Kind.RATE,
        "Maximum new connections per second through routers, whose firewalls keep an entry for each. Default: 5000.",
        metavar="N",
        panel=Panel.PROBES,
        audit=True,
    )
    """Ceiling of new flows per second through routers; None for the default."""
    fixed_rate: bool = option(
        False,
        Kind.FLAG,
        "Send at exactly --rate and --host-rate (default 5000 and 1000), whatever the path loses.",
        panel=Panel.PROBES,
        audit=True,
    )
    """Whether the rate is fixed instead of finding itself."""
    pace: int | None = option(
        None,
        Kind.COUNT,
        "How eager to begin and to grow, from 0 (a probe every 5 minutes) to 5; nmap's -T. Default: 3.",
        "--pace",
        metavar="N",
        most=5,
        panel=Panel.PROBES,
        audit=True,
    )
    """Place of the pace in `core.rate.paces.PACES`; None for the usual one."""
    retries: int | None = option(
        None,
        Kind.RETRIES,
        "How often to ask again where nothing answered: a number, or auto, as often as the path needs. Default: auto.",
        "--retries",
        "--max-retries",
        metavar="N",
        most=20,
        panel=Panel.PROBES,
        audit=True,
    )
    """Further attempts where nothing answered; None for as many as the path needs."""
    timeout: float | None = option(
        None,
        Kind.SECONDS,
        "How long to wait for the answer to one probe. From 1 s on the kernel repeats connects, and --rate counts "
        "these repeats.",
        metavar="SECONDS",
        panel=Panel.PROBES,
        audit=True,
    )
    """Seconds to wait for an answer; None for the engine's default."""
    udp: bool = option(
        False,
        Kind.FLAG,
        "Scan UDP: ports without T: or U: are UDP ports; with -sS or -sT both. Default ports: those whose services "
        "have a question.",
        "-sU",
        "--udp",
        panel=Panel.PROBES,
        audit=True,
    )
    """Whether ports without a prefix are UDP ports."""
    udp_patience: float | None = option(
        None,
        Kind.SECONDS,
        "How long one host may take for telling closed UDP ports from silent ones; hosts limit that to about one a "
        "second. Default: 60.",
        metavar="SECONDS",
        panel=Panel.PROBES,
        audit=True,
    )
    """Seconds that telling closed UDP ports from silent ones may take for one host; None for the default."""
    source: Sequence[str] = option(
        (),
        Kind.WORDS,
        "Ask UDP from these addresses of this machine in turn. Hosts limit what they tell each of them by itself.",
        metavar="ADDRESS,...",
        panel=Panel.PROBES,
    )
    """Addresses of this machine to ask UDP from; none leaves it to the routes."""
    community: Sequence[str] = option(
        (),
        Kind.WORDS,
        "Also ask SNMP with this community, which is a credential; without it SNMP is asked for its engine only.",
        metavar="WORD",
        panel=Panel.PROBES,
        kept=False,
    )
    """SNMP communities to try; none by default."""
    discover: bool = option(
        False,
        Kind.FLAG,
        "First probe a few ports of every address, then all ports only where something answered.",
        panel=Panel.PROBES,
        audit=True,
    )
    """Whether to probe only addresses that answered on one of a few ports."""
    identify: bool = option(
        False,
        Kind.FLAG,
        "Identify the service on each open port with harmless probes; enables the service rules.",
        "--identify",
        "-sV",
        panel=Panel.PROBES,
        audit=True,
    )
    """Whether to identify services."""
    interface: str = option(
        "",
        Kind.INTERFACE,
        "Send through this interface only.",
        "-e",
        "--interface",
        metavar="IFACE",
        panel=Panel.PROBES,
        audit=True,
    )
    """The interface to send through; empty leaves it to the routes."""
    wire: Wire = option(Wire.AUTO, Kind.CHOICE, "How SYN frames are handed to the kernel.", panel=Panel.PROBES)
    """How SYN frames are handed to the kernel."""

    policy: "FilePath | Policy | None" = option(
        None,
        Kind.FILE,
        "What is expected where, by whom, until when.",
        metavar="FILE",
        panel=Panel.JUDGEMENT,
        audit=True,
    )
    """The policy file, or what one says."""
    registry: "FilePath | Registry | None" = option(
        None,
        Kind.FILE,
        "Judge by this copy of IANA's CSV.",
        metavar="FILE",
        panel=Panel.JUDGEMENT,
        audit=True,
    )
    """The registry file, or what one says; None for the one in use."""
    fail_on: FailOn = option(
        FailOn.LOW,
        Kind.CHOICE,
        "Exit with status 1 from this severity up.",
        panel=Panel.JUDGEMENT,
        audit=True,
    )
    """From which severity on the exit status is 1."""
    fail_on_new: bool = option(
        False,
        Kind.FLAG,
        "Exit with status 1 only for findings that the history did not know before this sweep.",
        panel=Panel.JUDGEMENT,
        audit=True,
    )
    """Whether only findings that are new count for the exit status; without a history all are."""

    outputs: "tuple[OutputRequest, ...]" = option((), Kind.OUTPUTS, panel=Panel.OUTPUT)
    """Which formats go where."""
    all_open: bool = option(False, Kind.FLAG, "CSV: write every open port, not only findings.", panel=Panel.OUTPUT)
    """Whether the CSV has every open endpoint."""
    per_endpoint: bool = option(
        False, Kind.FLAG, "CSV: write one row for each open port, all rules in it.", panel=Panel.OUTPUT
    )
    """Whether the CSV has one row for each open endpoint."""
    pcap: FilePath | None = option(
        None,
        Kind.FILE,
        "Save the accepted answers for tcpdump or Wireshark (syn engine).",
        metavar="FILE",
        panel=Panel.OUTPUT,
    )
    """The file for accepted answers."""
    history: FilePath | None = option(
        None,
        Kind.FILE,
        "History of sweeps. Default: in your state folder.",
        metavar="FILE",
        panel=Panel.OUTPUT,
        kept=False,
    )
    """The history to keep the sweep in; None for the usual one."""
    no_history: bool = option(False, Kind.FLAG, "Do not keep this sweep in the history.", panel=Panel.OUTPUT)
    """Whether to keep no history."""
    quiet: bool = option(False, Kind.FLAG, "No progress, summary or warnings.", "-q", "--quiet", panel=Panel.OUTPUT)
    """Whether to leave out progress, summary and warnings."""
    verbose: int = option(
        0, Kind.VERBOSITY, "Show the whole table, however long.", "-v", "--verbose", panel=Panel.OUTPUT
    )
    """Above 0, a terminal is shown every row of the table."""

    audit: str = option("", Kind.INTERNAL)
    """The name of the audit that this sweep is a run of; empty for a single sweep."""
    audit_file: Path | None = option(None, Kind.INTERNAL)
    """The audit's file."""
    rules: "tuple[Rule, ...]" = option((), Kind.INTERNAL, kept=False)
    """Rules of the caller's, asked after the built-in ones."""
    sinks: "tuple[Output, ...]" = option((), Kind.INTERNAL, kept=False)
    """Outputs of the caller's, besides those of `outputs`."""
    started: datetime | None = option(None, Kind.INTERNAL, kept=False)
    """When the sweep starts; None for now. Aware."""


def words_of(words: Words, where: str, *, split: str | None = None) -> "list[Word]":
    """Return words with the place where they were written, `where` for those that do not say.

    One text may hold several: separated by `split` (white space by default).
    """
    from scanner.core.targets.targets import Word

    listed: Sequence[str | int | Word] = [words] if isinstance(words, str) else words
    found = []
    for each in listed:
        text, place = (each.text, each.where) if isinstance(each, Word) else (str(each), where)
        parts = text.split(split) if isinstance(words, str) or split else [text]
        found += [Word(part.strip(), place) for part in parts]
    return found


def shown_words(words: Words) -> list[str]:
    """Return the texts of words, as a person would write them."""
    if isinstance(words, str):
        return words.split()
    return [str(each) if isinstance(each, str | int) else each.text for each in words]
