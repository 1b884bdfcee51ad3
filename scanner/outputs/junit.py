"""JUnit XML, for continuous integration: a finding is a failed test, and a sweep that missed something is an error.

The first test is always the coverage: a pipeline that scans nothing must not be green. With `all_open` what is open and
not unexpected is a test that passes. The form is that of the Jenkins xUnit plugin (junit-10.xsd), as most readers know.
"""

import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence

from scanner.core.model import REPORTABLE, Finding, Judged
from scanner.core.report import Summary
from scanner.core.sanitise import sanitise
from scanner.outputs.destination import Destination
from scanner.outputs.document import Document
from scanner.outputs.record import chosen
from scanner.outputs.rules_help import rule_action
from scanner.outputs.summary_text import closing_lines


class JUnit(Document):
    """Writes a sweep as one test suite."""

    def __init__(self, destination: Destination, *, all_open: bool = False) -> None:
        super().__init__(destination)
        self._all_open = all_open

    def lines(self, summary: Summary, judged: Sequence[Judged]) -> Iterator[str]:
        """Return the document."""
        findings = list(chosen(judged, all_open=self._all_open))
        suites = ET.Element("testsuites")
        suite = ET.SubElement(suites, "testsuite", _suite_attributes(summary, findings))
        suite.append(_coverage(summary))
        suite.extend(map(_case, findings))
        ET.indent(suites)
        yield '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(suites, encoding="unicode") + "\n"


def _suite_attributes(summary: Summary, findings: Sequence[Finding]) -> dict[str, str]:
    return {
        "name": sanitise(f"scanner {summary.info.sweep_id}"),
        "tests": str(len(findings) + 1),
        "failures": str(sum(finding.verdict in REPORTABLE for finding in findings)),
        "errors": str(int(not summary.complete)),
        "skipped": "0",
        "time": f"{summary.seconds:.3f}",
        "timestamp": f"{summary.info.started:%Y-%m-%dT%H:%M:%S}",
    }


def _coverage(summary: Summary) -> ET.Element:
    case = ET.Element("testcase", {"classname": "sweep", "name": "everything planned was covered", "time": "0"})
    if not summary.complete:
        words = sanitise(closing_lines(summary)[0])
        ET.SubElement(case, "error", {"type": "incomplete", "message": words}).text = words
    return case


def _case(finding: Finding) -> ET.Element:
    endpoint = finding.observation.endpoint
    name = sanitise(f"{endpoint.port}/{endpoint.transport} {finding.rule}")
    case = ET.Element("testcase", {"classname": str(endpoint.address), "name": name, "time": "0"})
    if finding.verdict in REPORTABLE:
        message = sanitise(f"{finding.verdict} ({finding.severity.word}): {finding.detail}")
        failure = ET.SubElement(case, "failure", {"type": sanitise(finding.rule), "message": message})
        failure.text = sanitise(f"{endpoint}: {finding.detail} {rule_action(finding.rule)}".strip())
    return case
