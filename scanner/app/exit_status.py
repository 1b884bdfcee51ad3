"""What the exit status of a sweep says. The promise stands in the README and in `scanner scan --help`."""

from collections.abc import Mapping
from enum import IntEnum, StrEnum

from scanner.core.model import Severity
from scanner.core.report import Summary


class FailOn(StrEnum):
    """From which severity on findings make the exit status 1."""

    NONE = "none"
    INFO = "info"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class ExitStatus(IntEnum):
    """The promised numbers. 2, 4 and 5 belong to the errors in `core.errors`."""

    CLEAN = 0
    FINDINGS = 1
    FAILED = 2
    INCOMPLETE = 3
    HUNG_UP = 129
    INTERRUPTED = 130
    TERMINATED = 143


EXIT_STATUS_HELP = """\
Exit status: 0 nothing unexpected and full coverage; 1 findings at or above --fail-on; 2 wrong usage or failure;
3 coverage incomplete, sweep degraded or nothing scanned; 4 refused because out of scope; 5 another run holds the
lock; 130/143 (129 where the terminal went away) interrupted, with what was settled kept."""


def exit_status(summary: Summary, fail_on: FailOn, findings: Mapping[Severity, int] | None = None) -> ExitStatus:
    """The status of a sweep that ended by itself. Incomplete coverage outranks findings.

    `findings` are those that count, by severity; all of the summary's by default.
    """
    if not summary.complete:
        return ExitStatus.INCOMPLETE
    if fail_on is FailOn.NONE:
        return ExitStatus.CLEAN
    least = Severity[fail_on.name]
    counted = summary.findings if findings is None else findings
    if any(count for severity, count in counted.items() if severity >= least):
        return ExitStatus.FINDINGS
    return ExitStatus.CLEAN
