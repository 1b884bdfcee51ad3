"""The summary says what was covered, and "No findings" only where that means something."""

import io
import os
import sys
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from scanner.core.model import Coverage, Severity, Verdict
from scanner.core.report import Summary
from scanner.outputs.quantities import counted, duration
from scanner.outputs.summary import SummaryLines
from scanner.outputs.summary_text import Tone, closing_lines, describe, plain_summary
from scanner.outputs.terminal import painted_summary
from tests.outputs.samples import COVERAGE, INFO, STARTED, SUMMARY, run

CLEAN = replace(SUMMARY, findings={}, verdicts={})
GAPS = replace(COVERAGE, closed=30000, unknown=300)


def facts(summary: Summary) -> dict[str, str]:
    return dict(describe(summary).facts)


def test_the_whole_of_it() -> None:
    assert plain_summary(describe(SUMMARY)).splitlines() == [
        "Sweep 20260213T220501Z-3f9a: 254 addresses × 1,423 ports in 1 min 12 s",
        "  name           db1.example.org: 10.0.0.5, 2001:db8::5",
        "  covered        361,442 endpoints: 22 open, 30,300 closed, 331,120 filtered",
        "  silent         at least 234 addresses gave no answer",
        "  excluded       1,423 endpoints",
        "  other reasons  icmp-admin-prohibited 1,120",
        "  probes         412,345 sent (5,727 a second), 30,322 endpoints answered",
        "  engine         connect (no right to open a raw socket)",
        "  registry       IANA, 2026-02-12, 14,499 rows, sha256 3f9a12bc3f9a",
        "  policy         office 51c0ffee",
        "3 findings: 1 high, 2 medium. Everything planned was covered.",
    ]


def test_nothing_found_in_full_coverage() -> None:
    assert closing_lines(CLEAN) == ("No findings; everything planned was covered.",)
    assert describe(CLEAN).tone is Tone.GOOD


def test_assigned_is_not_called_safe() -> None:
    """What is counted is ports: of one port there may be several findings that leave it open."""
    doubtful = replace(CLEAN, info=replace(INFO, policy=""), verdicts={Verdict.UNDETERMINED: 30})
    (line,) = closing_lines(doubtful)
    assert line == (
        "No findings; everything planned was covered. "
        "22 open ports have an IANA assignment; no policy says whether they are expected."
    )
    (line,) = closing_lines(replace(doubtful, coverage=Coverage(planned=1, open=1)))
    assert "covered. 1 open port has an IANA assignment; no policy says whether it is expected." in line


def test_where_there_is_a_policy_it_is_not_said_that_there_is_none() -> None:
    (line,) = closing_lines(replace(CLEAN, verdicts={Verdict.UNDETERMINED: 3}))
    assert line.endswith("covered. Some open ports match policy entries that are not reviewed yet.")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"interrupted": True}, "INCOMPLETE: interrupted."),
        ({"coverage": GAPS}, "INCOMPLETE: 300 of 361,442 endpoints left unknown."),
        ({"degraded": ("12 answers dropped",)}, "INCOMPLETE: the sweep was degraded."),
        (
            {"interrupted": True, "coverage": GAPS},
            "INCOMPLETE: interrupted, 300 of 361,442 endpoints left unknown.",
        ),
    ],
)
def test_no_findings_is_not_said_of_what_was_not_covered(change: dict[str, Any], words: str) -> None:
    summary = replace(CLEAN, **change)
    assert closing_lines(summary) == (
        words,
        "Nothing unexpected was found in what was covered; the rest may hold anything.",
    )
    assert "No findings" not in plain_summary(describe(summary))
    assert describe(summary).tone is Tone.WARNING


def test_a_sweep_of_nothing_says_that_and_no_more() -> None:
    summary = replace(CLEAN, coverage=Coverage())
    assert closing_lines(summary) == ("INCOMPLETE: nothing was scanned.",)
    assert describe(summary).tone is Tone.WARNING


def test_what_is_unknown_is_not_called_covered() -> None:
    assert "covered" not in facts(replace(SUMMARY, coverage=GAPS))
    assert facts(replace(SUMMARY, coverage=GAPS))["planned"].endswith("331,120 filtered, 300 unknown")


def test_findings_of_an_incomplete_sweep() -> None:
    summary = replace(SUMMARY, interrupted=True)
    assert closing_lines(summary)[1] == "3 findings: 1 high, 2 medium. There may be more."
    assert describe(summary).tone is Tone.ALARM


@pytest.mark.parametrize(
    ("findings", "expected"),
    [
        ({Severity.LOW: 1}, Tone.MILD),
        ({Severity.LOW: 1, Severity.MEDIUM: 1}, Tone.WARNING),
        ({Severity.HIGH: 1}, Tone.ALARM),
    ],
)
def test_the_tone_follows_the_worst(findings: dict[Severity, int], expected: Tone) -> None:
    assert describe(replace(CLEAN, findings=findings)).tone is expected


def test_local_failures_are_named_most_frequent_first() -> None:
    reasons = {"reset": 5, "local-error:EMFILE": 3, "no-route": 9, **{f"kind-{n}": 1 for n in range(9)}}
    said = facts(replace(SUMMARY, reasons=reasons))["other reasons"]
    assert said == "no-route 9, local-error:EMFILE 3, kind-0 1, kind-1 1, kind-2 1, kind-3 1, and 5 kinds more"
    fewer = replace(SUMMARY, reasons={f"kind-{n}": 1 for n in range(7)})
    assert facts(fewer)["other reasons"].endswith("kind-5 1, and 1 kind more")


def test_what_there_is_none_of_is_not_mentioned() -> None:
    plain = replace(
        SUMMARY,
        info=replace(INFO, policy="", engine_why="", hostnames={}),
        reasons={"reset": 1},
        coverage=Coverage(1, 254, 254, 0, 1),
    )
    assert list(facts(plain)) == ["covered", "probes", "engine", "registry"]


def test_many_names_are_counted() -> None:
    names = {f"host{n}.example.org": ("10.0.0.1",) for n in range(1205)}
    said = [
        text for label, text in describe(replace(SUMMARY, info=replace(INFO, hostnames=names))).facts if label == "name"
    ]
    assert said[0] == "host0.example.org: 10.0.0.1"
    assert said[5:] == ["and 1,200 more"]


def test_a_shard_says_so() -> None:
    summary = replace(SUMMARY, info=replace(INFO, shard="2/3"), finished=STARTED)
    assert "shard 2/3 in 0.0 s" in describe(summary).title


@pytest.mark.parametrize(
    ("sent", "seconds", "words"),
    [
        (412345, 0, "412,345 sent, 30,322"),
        (1, 0.2, "1 sent, 30,322"),
        (3, 1.5, "3 sent (2 a second), 30,322"),
        (3, 60, "3 sent, 30,322"),
    ],
)
def test_a_rate_is_said_where_it_means_something(sent: int, seconds: float, words: str) -> None:
    summary = replace(SUMMARY, coverage=replace(COVERAGE, sent=sent), finished=STARTED + timedelta(seconds=seconds))
    assert facts(summary)["probes"] == f"{words} endpoints answered"


def test_digests_are_as_short_as_the_registrys() -> None:
    info = replace(INFO, policy=f"a b.toml sha256:{'51c0ffee' * 8}", scope="office 7")
    said = facts(replace(SUMMARY, info=info))
    assert (said["policy"], said["scope"]) == ("a b.toml, sha256 51c0ffee51c0", "office 7")


def test_degraded_and_notes_are_inert() -> None:
    summary = replace(SUMMARY, degraded=("lost\x1b[2J",), notes=("old\u202e", "older"))
    text = plain_summary(describe(summary))
    assert r"lost\x1b[2J" in text
    assert r"old\u202e" in text
    assert all(line.isprintable() for line in text.splitlines())


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0.0 s"), (9.94, "9.9 s"), (59.4, "59 s"), (59.6, "1 min 00 s"), (3599, "59 min 59 s"), (7380, "2 h 03 min")],
)
def test_durations(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_counted() -> None:
    assert counted(1, "port") == "1 port"
    assert counted(1204, "address", "addresses") == "1,204 addresses"


def test_it_goes_to_the_stream_as_plain_text_where_nobody_watches() -> None:
    stream = io.StringIO()
    run(SummaryLines(stream), ())
    assert stream.getvalue() == plain_summary(describe(SUMMARY))


def test_without_standard_error_it_is_silent(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    run(SummaryLines(), ())
    assert capfd.readouterr() == ("", "")


def test_a_reader_that_has_gone_does_not_end_the_sweep_with_an_error() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    stream = os.fdopen(writing, "w")
    run(SummaryLines(stream), ())
    with pytest.raises(BrokenPipeError):
        stream.close()


def test_painted_it_says_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "dumb")
    text = describe(replace(SUMMARY, notes=("word " * 40,)))
    shown = painted_summary(text, 80)
    assert shown.split() == plain_summary(text).split()
    assert all(len(line) <= 80 for line in shown.splitlines())
