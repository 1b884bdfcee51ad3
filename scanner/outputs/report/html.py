"""The page itself: facts into a template, style and script inlined, nothing loaded from anywhere.

Three things keep hostile text harmless: it is sanitised (`facts.py`), escaped by jinja2 (autoescape is on for every
value), and a content security policy in the page lets only this style and this script run, named by their hashes (CSP
Level 3, section 2.3.1), with no connection allowed at all.
"""

import base64
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from scanner.core.model import Judged, RegistryStatus
from scanner.core.registry.registry import STATUSES
from scanner.core.report import Summary
from scanner.core.sanitise import sanitise
from scanner.outputs.destination import Destination
from scanner.outputs.document import Document
from scanner.outputs.record import iso
from scanner.outputs.report import facts, timeline
from scanner.outputs.report.port_map import colour, status_picture
from scanner.outputs.report.timeline import Past
from scanner.outputs.summary_text import tone

_FOLDER = Path(__file__).parent


class HtmlReport(Document):
    """Writes a sweep as one page."""

    def __init__(self, destination: Destination, *, statuses: bytes = b"", past: Past | None = None) -> None:
        """`statuses`: what the registry says of each TCP port, 65,536 codes in the order of `STATUSES`, or nothing.

        `past` is what came before, where there is a history.
        """
        super().__init__(destination)
        self._statuses, self._past = statuses, past

    def lines(self, summary: Summary, judged: Sequence[Judged]) -> Iterator[str]:
        """Return the page in pieces."""
        from jinja2 import Environment, FileSystemLoader, StrictUndefined

        loader = FileSystemLoader(_FOLDER)
        environment = Environment(
            loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
        )
        return environment.get_template("page.html.j2").generate(**self._facts(summary, judged))

    def _facts(self, summary: Summary, judged: Sequence[Judged]) -> dict[str, Any]:
        style, script = _asset("page.css"), _asset("page.js")
        hosts = list(facts.host_rows(judged))
        return {
            "style": style,
            "script": script,
            "policy": _content_policy(style, script),
            "title": f"Port audit {sanitise(summary.info.sweep_id)}",
            "tone": tone(summary).name.lower(),
            "answer": facts.answer(summary, judged),
            "causes": facts.finding_causes(judged),
            "findings": list(facts.finding_rows(judged)),
            "hosts": hosts,
            "matrix": facts.matrix(hosts),
            "certificates": facts.certificates(judged, summary.finished),
            "coverage": facts.coverage_facts(summary),
            "picture": status_picture(self._statuses, STATUSES) if self._statuses else "",
            "legend": [(status.value, colour(status)) for status in RegistryStatus],
            "marks": facts.marks(judged),
            **self._timeline(),
            "udp": summary.info.udp_ports_per_address > 0,
        }

    def _timeline(self) -> dict[str, Any]:
        past = self._past
        if past is None:
            return {"past": None}
        found = timeline.columns(past)
        return {
            "past": [(iso(each.started)[:16].replace("T", " "), each) for each in reversed(past.sweeps)],
            "columns": found,
            "points": timeline.line_points(found),
            "width": len(found) * timeline.WIDTH,
            "unit": timeline.WIDTH,
            "height": timeline.HEIGHT,
            "middle": timeline.HEIGHT // 2,
            "changed": timeline.change_sentence(past),
            "changes": timeline.change_rows(past),
            "more_changes": max(0, len(past.changes) - timeline.MOST_CHANGES),
        }


def _asset(name: str) -> str:
    return (_FOLDER / name).read_text("utf-8")


def _content_policy(style: str, script: str) -> str:
    return f"default-src 'none'; img-src data:; style-src {_hash(style)}; script-src {_hash(script)}; base-uri 'none'"


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(sha256(text.encode()).digest()).decode('ascii')}'"
