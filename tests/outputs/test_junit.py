"""JUnit XML as a pipeline reads it: findings fail, missing coverage is an error, nothing probed is not green."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from scanner.core.model import Coverage
from tests.outputs.documents import document
from tests.outputs.samples import RESULTS, SUMMARY, judged

junitparser = pytest.importorskip("junitparser", reason="junitparser is a test oracle only")


def suite(tmp_path: Path, *more: Any, **how: Any) -> Any:
    [one] = junitparser.JUnitXml.fromstring(document("junit", tmp_path, *more, **how).encode())
    return one


def test_findings_are_failures_and_are_counted(tmp_path: Path) -> None:
    read = suite(tmp_path)
    assert (read.tests, read.failures, read.errors) == (5, 4, 0)
    assert [(case.classname, case.name, len(case.result)) for case in read] == [
        ("sweep", "everything planned was covered", 0),
        ("9.255.255.255", "8080/tcp open-unassigned", 1),
        ("9.255.255.255", "8080/tcp unauthorised-use", 1),
        ("10.0.0.30", "443/tcp required-missing", 1),
        ("2001:db8::5", "31338/tcp open-unassigned", 1),
    ]
    failure = list(read)[1].result[0]
    assert isinstance(failure, junitparser.Failure)
    assert failure.message == "unexpected (medium): assigned to no service"
    counted = (read.tests, read.failures, read.errors)
    read.update_statistics()
    assert counted == (read.tests, read.failures, read.errors)


def test_what_is_open_and_not_unexpected_passes(tmp_path: Path) -> None:
    read = suite(tmp_path, all_open=True)
    assert sum(not case.result for case in read) == 4


@pytest.mark.parametrize("summary", [replace(SUMMARY, interrupted=True), replace(SUMMARY, coverage=Coverage())])
def test_a_sweep_that_missed_something_is_an_error(tmp_path: Path, summary: Any) -> None:
    read = suite(tmp_path, (), summary)
    assert (read.tests, read.failures, read.errors) == (1, 0, 1)
    [case] = read
    assert isinstance(case.result[0], junitparser.Error)
    assert case.result[0].message.startswith("INCOMPLETE")


def test_without_findings_and_with_full_coverage_it_is_green(tmp_path: Path) -> None:
    read = suite(tmp_path, RESULTS[2:3])
    assert (read.tests, read.failures, read.errors) == (1, 0, 0)


def test_markup_in_a_reason_is_text(tmp_path: Path) -> None:
    read = suite(tmp_path, (judged(detail='"/><error/>&lol;]]>'),))
    assert '"/><error/>&lol;]]>' in list(read)[1].result[0].message
