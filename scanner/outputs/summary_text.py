"""What a sweep covered and found, in a few lines for a person.

The last lines are the verdict, and it is careful: "No findings" is said only of a sweep that covered everything.
Otherwise it says what is missing and why, and that what was not looked at may hold anything. Everything here is
plain text made from a `Summary`: `terminal.py` adds colours, `summary.py` shows it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto

from scanner.core.model import Severity, Verdict
from scanner.core.plan.reasons import Reason
from scanner.core.report import Summary, SweepInfo
from scanner.core.sanitise import sanitise
from scanner.outputs.quantities import counted, duration

USUAL = frozenset({Reason.SYN_ACK, Reason.RESET, Reason.NO_RESPONSE, Reason.UDP_ANSWER, Reason.PORT_UNREACHABLE})
"""Reasons that need no explanation: open, closed and filtered as every network has them."""

MOST_REASONS = 6
"""How many of the other reasons are listed."""


MOST_NAMES = 5
"""How many of the names that were resolved are listed."""


class Tone(Enum):
    """What kind of news the verdict is."""

    GOOD = auto()
    """Everything covered, nothing found."""
    MILD = auto()
    """Everything covered, findings of low severity at most."""
    WARNING = auto()
    """Findings of medium severity, or not everything was covered."""
    ALARM = auto()
    """Findings of high severity."""


@dataclass(frozen=True, slots=True)
class SummaryText:
    """A summary in words."""

    title: str
    """What was done."""
    facts: tuple[tuple[str, str], ...]
    """Label and text of each fact."""
    closing: tuple[str, ...]
    """The verdict, one line or more."""
    tone: Tone
    """What kind of news it is."""

    @property
    def label_width(self) -> int:
        """The width of the longest label."""
        return max((len(label) for label, _ in self.facts), default=0)


def plain_summary(text: SummaryText) -> str:
    """Return the summary as lines without colours."""
    facts = [f"  {label:<{text.label_width}}  {fact}" for label, fact in text.facts]
    return "\n".join([text.title, *facts, *text.closing]) + "\n"


def describe(summary: Summary) -> SummaryText:
    """Return a summary in words, every text in it sanitised."""
    facts = (
        *(("name", line) for line in _names(summary.info)),
        ("planned" if summary.coverage.unknown else "covered", _coverage(summary)),
        ("silent", _absent(summary)),
        ("excluded", _excluded(summary)),
        ("other reasons", _reasons(summary)),
        ("probes", _probes(summary)),
        ("engine", _engine(summary.info)),
        ("registry", _registry(summary.info)),
        ("policy", _identity(summary.info.policy)),
        ("scope", _identity(summary.info.scope)),
        *(("degraded", line) for line in summary.degraded),
        *(("note", line) for line in summary.notes),
    )
    said = tuple((label, sanitise(fact)) for label, fact in facts if fact)
    return SummaryText(sanitise(_title(summary)), said, tuple(map(sanitise, closing_lines(summary))), tone(summary))


def closing_lines(summary: Summary) -> tuple[str, ...]:
    """Return the verdict. It says "No findings" only if everything planned was covered."""
    found = _found(summary)
    cover = summary.coverage
    if summary.complete and not (cover.answered or cover.open or cover.closed):
        return ("No host answered: whether nothing is there, or something in between drops the probes, is not known.",)
    if summary.complete:
        return (_complete_verdict(summary, found),)
    if summary.coverage.planned == 0:
        return ("INCOMPLETE: nothing was scanned.",)
    return (f"INCOMPLETE: {_whats_missing(summary)}.", _incomplete_verdict(summary, found))


def silent_hosts(summary: Summary) -> int:
    """Return how many addresses gave no sign at all, at the least.

    Engines count them where a host is settled as a whole. Beyond that, each address that gave a sign has one endpoint
    that answered, and each that was not settled has one that is unknown: what is left of the addresses was silent.
    """
    cover, info = summary.coverage, summary.info
    if not cover.planned or info.shard not in {"", "1/1"}:  # of a shard's addresses other endpoints may have answered
        return cover.unreachable_hosts
    return max(cover.unreachable_hosts, info.addresses - cover.answered - cover.unknown)


def tone(summary: Summary) -> Tone:
    """Return what kind of news a summary is."""
    if summary.findings.get(Severity.HIGH):
        return Tone.ALARM
    if summary.findings.get(Severity.MEDIUM) or not summary.complete:
        return Tone.WARNING
    return Tone.MILD if _found(summary) else Tone.GOOD


def _found(summary: Summary) -> int:
    return sum(summary.findings.values())


def _complete_verdict(summary: Summary, found: int) -> str:
    if found:
        return f"{_by_severity(summary.findings)}. Everything planned was covered."
    return f"No findings; everything planned was covered.{_undetermined(summary)}"


def _undetermined(summary: Summary) -> str:
    """What "no findings" leaves open: without a policy, every open port."""
    if not summary.verdicts.get(Verdict.UNDETERMINED):
        return ""
    if summary.info.policy:
        return " Some open ports match policy entries that are not reviewed yet."
    count = summary.coverage.open
    ports, they = ("1 open port has", "it is") if count == 1 else (f"{count:,} open ports have", "they are")
    return f" {ports} an IANA assignment; no policy says whether {they} expected."


def _incomplete_verdict(summary: Summary, found: int) -> str:
    if found:
        return f"{_by_severity(summary.findings)}. There may be more."
    return "Nothing unexpected was found in what was covered; the rest may hold anything."


def _whats_missing(summary: Summary) -> str:
    cover = summary.coverage
    missing = []
    if summary.interrupted:
        missing.append("interrupted")
    if cover.unknown:
        missing.append(f"{cover.unknown:,} of {counted(cover.planned, 'endpoint')} left unknown")
    if summary.degraded:
        missing.append("the sweep was degraded")
    return ", ".join(missing)


def _title(summary: Summary) -> str:
    info = summary.info
    what = f"{counted(info.addresses, 'address', 'addresses')} × {_ports(info)}"
    shard = "" if info.shard in {"", "1/1"} else f", shard {info.shard}"
    return f"Sweep {info.sweep_id}: {what}{shard} in {duration(summary.seconds)}"


def _ports(info: SweepInfo) -> str:
    """How many ports of which transport; the transport is only named where UDP is among them."""
    tcp, udp = info.ports_per_address - info.udp_ports_per_address, info.udp_ports_per_address
    if not udp:
        return counted(tcp, "port")
    return f"({counted(tcp, 'TCP port')} and {counted(udp, 'UDP port')})" if tcp else counted(udp, "UDP port")


def _names(info: SweepInfo) -> list[str]:
    """Each name with all its addresses, the first few names."""
    lines = [f"{name}: {', '.join(addresses)}" for name, addresses in info.hostnames.items()]
    rest = len(lines) - MOST_NAMES
    return [*lines[:MOST_NAMES], f"and {rest:,} more"] if rest > 0 else lines


def _coverage(summary: Summary) -> str:
    cover = summary.coverage
    states = [f"{cover.open:,} open", f"{cover.closed:,} closed", f"{cover.filtered:,} filtered"]
    if cover.open_filtered:
        states.append(f"{cover.open_filtered:,} open|filtered")
    if cover.unknown:
        states.append(f"{cover.unknown:,} unknown")
    return f"{counted(cover.planned, 'endpoint')}: {', '.join(states)}"


def _absent(summary: Summary) -> str:
    """Addresses without a sign of life: absent, or hosts that drop everything."""
    hosts = silent_hosts(summary)
    least = "at least " if hosts < summary.info.addresses else ""
    return f"{least}{counted(hosts, 'address', 'addresses')} gave no answer" if hosts else ""


def _excluded(summary: Summary) -> str:
    excluded = summary.coverage.excluded
    return counted(excluded, "endpoint") if excluded else ""


def _reasons(summary: Summary) -> str:
    """The reasons that are not usual, most frequent first."""
    unusual = [(count, reason) for reason, count in summary.reasons.items() if reason not in USUAL and count]
    unusual.sort(key=lambda pair: (-pair[0], pair[1]))
    words = [f"{reason} {count:,}" for count, reason in unusual[:MOST_REASONS]]
    if len(unusual) > MOST_REASONS:
        words.append(f"and {counted(len(unusual) - MOST_REASONS, 'kind')} more")
    return ", ".join(words)


def _probes(summary: Summary) -> str:
    """How many went out, how fast where a rate means something, and how many came to something."""
    cover = summary.coverage
    rate = cover.sent / max(summary.seconds, 1)
    fast = f" ({rate:,.0f} a second)" if summary.seconds >= 1 and rate >= 1 else ""
    return f"{cover.sent:,} sent{fast}, {counted(cover.answered, 'endpoint')} answered"


def _engine(info: SweepInfo) -> str:
    return info.engine + (f" ({info.engine_why})" if info.engine_why else "")


def _registry(info: SweepInfo) -> str:
    registry = info.registry
    return f"{registry.source}, {registry.date}, {counted(registry.rows, 'row')}, sha256 {registry.sha256[:12]}"


def _identity(text: str) -> str:
    """Name and digest of a file, the digest as short as the registry's."""
    name, _, digest = text.rpartition(" sha256:")
    return f"{name}, sha256 {digest[:12]}" if name else text


def _by_severity(findings: Mapping[Severity, int]) -> str:
    total = counted(sum(findings.values()), "finding")
    parts = [f"{findings[severity]:,} {severity.word}" for severity in reversed(Severity) if findings.get(severity)]
    return f"{total}: {', '.join(parts)}"
