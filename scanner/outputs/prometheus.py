"""Prometheus' text format, for the text file collector of node_exporter: a dead man's switch for nightly sweeps.

Alert on the age of `scanner_sweep_end_time_seconds`, on `scanner_sweep_complete == 0`, and on `scanner_findings`. An
interrupted run does not touch the file (it is written as `FILE.partial`, which the collector does not read), so that
the age goes on growing. Every series is there in every file, with 0 where there is nothing.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from scanner.core.model import REPORTABLE, Judged, Severity
from scanner.core.report import Summary
from scanner.core.sanitise import sanitise
from scanner.outputs.document import Document
from scanner.outputs.json_lines import coverage_fields
from scanner.outputs.summary_text import silent_hosts

METRIC_STATES = ("open", "closed", "filtered", "open_filtered", "unknown")


class Prometheus(Document):
    """Writes the figures of a sweep as gauges."""

    def lines(self, summary: Summary, judged: Sequence[Judged]) -> Iterator[str]:
        """Return the metrics, each with its help and type."""
        info, cover = summary.info, coverage_fields(summary.coverage)
        identity = {"version": info.version, "engine": info.engine, "registry_date": info.registry.date}
        yield from _gauge("sweep_info", "Identity of the newest sweep.", {"sweep_id": info.sweep_id, **identity})
        yield from _gauge("sweep_start_time_seconds", "When it began (Unix time).", info.started.timestamp())
        yield from _gauge("sweep_end_time_seconds", "When it ended (Unix time).", summary.finished.timestamp())
        yield from _gauge("sweep_complete", "1 if everything planned was covered.", int(summary.complete))
        yield from _gauge("sweep_degraded", "1 if answers may have been lost.", int(bool(summary.degraded)))
        yield from _gauge("probes_sent", "Probes sent, retries included.", cover["sent"])
        yield from _gauge("endpoints_planned", "Endpoints that were to be probed.", cover["planned"])
        yield from _gauge("endpoints_excluded", "Endpoints left out by exclusions.", cover["excluded"])
        yield from _gauge("addresses_silent", "Addresses that gave no answer, at the least.", silent_hosts(summary))
        yield from _series(
            "endpoints", "Endpoints by state.", "state", {state: cover[state] for state in METRIC_STATES}
        )
        severities = {severity.word: summary.findings.get(severity, 0) for severity in reversed(Severity)}
        yield from _series("findings", "Unexpected and missing findings by severity.", "severity", severities)
        rules = Counter(each.rule for one in judged for each in one.findings if each.verdict in REPORTABLE)
        yield from _series("rule_findings", "Unexpected and missing findings by rule.", "rule", rules)


def _gauge(name: str, words: str, value: float | Mapping[str, str]) -> Iterator[str]:
    """A metric of one sample. With labels for its value it is 1, as is usual for `_info` metrics."""
    yield from _head(name, words)
    if isinstance(value, Mapping):
        labels = ",".join(f'{label}="{_label(text)}"' for label, text in value.items())
        yield f"scanner_{name}{{{labels}}} 1\n"
    else:
        yield f"scanner_{name} {value}\n"


def _series(name: str, words: str, label: str, values: Mapping[str, int]) -> Iterator[str]:
    yield from _head(name, words)
    for text, value in sorted(values.items()):
        yield f'scanner_{name}{{{label}="{_label(text)}"}} {value}\n'


def _head(name: str, words: str) -> Iterator[str]:
    yield f"# HELP scanner_{name} {words}\n# TYPE scanner_{name} gauge\n"


def _label(text: str) -> str:
    return sanitise(text).replace("\\", "\\\\").replace('"', '\\"')
