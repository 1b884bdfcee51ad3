"""The table of formats: names, endings, collisions; and a new row is seen wherever formats matter."""

import io
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from scanner.api import plan
from scanner.app.audit_options import read_audit_file
from scanner.app.options import ScanOptions
from scanner.app.saved_options import kept_settings, saved_settings
from scanner.core.errors import InvalidInput
from scanner.core.model import Coverage, Judged
from scanner.core.report import Summary
from scanner.outputs import formats
from scanner.outputs.destination import Destination
from scanner.outputs.document import Document
from scanner.outputs.fan_out import FanOut
from scanner.outputs.formats import (
    FORMATS,
    Format,
    FormatOptions,
    OutputRequest,
    check_collisions,
    format_for,
    format_named,
    make_outputs,
    parse_request,
)
from scanner.outputs.interface import Output
from scanner.outputs.summary import SummaryLines
from tests.outputs.samples import COVERAGE, RESULTS, SUMMARY, run

NAMES = [each.name for each in FORMATS]


class Trial(Document):
    """A format that counts."""

    def lines(self, summary: Summary, judged: Sequence[Judged]) -> Iterator[str]:
        yield f"{len(judged)}\n"


def make_trial(destination: Destination, _: FormatOptions) -> Output:
    return Trial(destination)


TRIAL = Format(
    name="trial", suffixes=(".trial", ".trial.json"), option="-oY", audit_key="try", title="A trial", make=make_trial
)


@pytest.fixture
def trial(monkeypatch: pytest.MonkeyPatch) -> Format:
    """A table with one row more."""
    monkeypatch.setattr(formats, "FORMATS", (*FORMATS, TRIAL))
    return TRIAL


def test_every_name_key_option_and_ending_means_one_format() -> None:
    assert len(set(NAMES)) == len(NAMES)
    assert len({each.audit_key for each in FORMATS}) == len(FORMATS)
    options = [each.option for each in FORMATS if each.option]
    assert len(set(options)) == len(options)
    endings = [suffix for each in FORMATS for suffix in each.suffixes]
    assert len(set(endings)) == len(endings)
    assert all(ending == ending.lower() and ending.startswith(".") for ending in endings)
    assert not set(endings) & formats.FOREIGN_SUFFIXES


@pytest.mark.parametrize("each", FORMATS, ids=NAMES)
def test_every_ending_leads_to_its_own_format(each: Format) -> None:
    assert [format_for(f"a/b.c{suffix}").name for suffix in each.suffixes] == [each.name] * len(each.suffixes)
    assert format_for(f"A{each.suffixes[0].upper()}") is each


@pytest.mark.parametrize("each", FORMATS, ids=NAMES)
def test_every_format_writes_a_file_and_leaves_nothing_when_abandoned(each: Format, tmp_path: Path) -> None:
    path = tmp_path / f"a{each.suffixes[0]}"
    [output] = make_outputs([OutputRequest(each.name, str(path))], FormatOptions())
    output.abandon()
    assert not list(tmp_path.iterdir())
    run(output)
    assert path.stat().st_size
    assert list(tmp_path.iterdir()) == [path]


STOPPED = replace(SUMMARY, interrupted=True)
NOTHING_SETTLED = replace(SUMMARY, coverage=Coverage(planned=9, unknown=9))


@pytest.mark.parametrize("each", FORMATS, ids=NAMES)
@pytest.mark.parametrize("summary", [STOPPED, NOTHING_SETTLED], ids=["stopped", "nothing settled"])
def test_a_fragment_never_replaces_a_complete_file(each: Format, summary: Summary, tmp_path: Path) -> None:
    path, partial = tmp_path / "a", tmp_path / "a.partial"
    outputs = FanOut(make_outputs([OutputRequest(each.name, str(path))], FormatOptions()))
    run(outputs, (), summary)
    assert not path.exists()
    assert outputs.notes == (f"interrupted: what was settled is in {partial}",)
    path.write_text("last week")
    shown = io.StringIO()
    written = make_outputs([OutputRequest(each.name, str(path))], FormatOptions())
    run(FanOut([*written, SummaryLines(shown)]), (), summary)
    assert path.read_text() == "last week"
    assert partial.stat().st_size
    assert f"what was settled is in {partial}; {path} is still that of an earlier run" in shown.getvalue()
    run(FanOut(make_outputs([OutputRequest(each.name, str(path))], FormatOptions())), (), SUMMARY)
    assert path.read_text() != "last week"


@pytest.mark.parametrize("each", FORMATS, ids=NAMES)
def test_a_sweep_that_ran_to_its_end_replaces_the_file_whatever_it_missed(each: Format, tmp_path: Path) -> None:
    lossy = replace(SUMMARY, degraded=("12 answers dropped",), coverage=replace(COVERAGE, closed=30000, unknown=300))
    run(FanOut(make_outputs([OutputRequest(each.name, str(tmp_path / "a"))], FormatOptions())), (), lossy)
    assert list(tmp_path.iterdir()) == [tmp_path / "a"]


@pytest.mark.parametrize("path", ["-", "/dev/stdout", "findings", "a.txt", "report.d/findings", ".csv.d/x"])
def test_a_name_that_says_nothing_means_the_default(path: str) -> None:
    assert format_for(path).name == "csv"
    assert format_for(path, default="jsonl").name == "jsonl"


@pytest.mark.parametrize("path", ["a.xlsx", "a.PDF", "b/a.csv.gz"])
def test_an_ending_of_a_foreign_format_is_refused_with_the_ones_there_are(path: str) -> None:
    with pytest.raises(InvalidInput, match=r"cannot write \.(xlsx|pdf|gz) files; use \.csv \(csv\), .*NAME=FILE"):
        format_for(path)


def test_a_request_is_a_name_and_a_file() -> None:
    assert parse_request("nmap-xml=a=b.xml") == OutputRequest("nmap-xml", "a=b.xml")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("csv", "--format: 'csv' names no file; write NAME=FILE, as in csv=a.csv"),
        ("csv=", "--format csv=: the file name is empty; - is standard output"),
        ("jsonll=a", "--format: 'jsonll' is not an output format; did you mean jsonl?"),
        ("zzz=a", f"--format: 'zzz' is not an output format; there are {', '.join(NAMES)}"),
        ("\x1b[2J=a", f"--format: '\\x1b[2J' is not an output format; there are {', '.join(NAMES)}"),
    ],
)
def test_a_request_that_cannot_be_met_is_one_line(text: str, problem: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_request(text)
    assert str(caught.value) == problem


@pytest.mark.parametrize("first", NAMES)
@pytest.mark.parametrize("second", NAMES)
def test_two_formats_never_share_a_file_nor_standard_output(first: str, second: str, tmp_path: Path) -> None:
    file, same = tmp_path / "a", f"{tmp_path}/./a"
    for one, other in ((str(file), same), ("-", "/dev/stdout")):
        requests = [OutputRequest(first, one), OutputRequest("csv", "b"), OutputRequest(second, other)]
        with pytest.raises(InvalidInput) as caught:
            make_outputs(requests, FormatOptions())
        assert requests[0].words in str(caught.value)
        assert requests[2].words in str(caught.value)
    check_collisions([OutputRequest(first, "a"), OutputRequest(second, "b")])


def test_the_words_of_a_collision() -> None:
    with pytest.raises(InvalidInput) as caught:
        check_collisions([OutputRequest("csv", "a"), OutputRequest("nmap-xml", "a")])
    assert str(caught.value) == "--format csv=a and -oX a: both write the same file; name another file for one of them"


def test_a_device_may_take_two() -> None:
    check_collisions([OutputRequest("csv", "/dev/null"), OutputRequest("jsonl", "/dev/null")])


def test_no_writer_is_imported_before_one_is_made() -> None:
    import subprocess

    code = "import sys; import scanner.outputs.formats; print([n for n in sys.modules if 'csv' in n or 'xml' in n])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


class TestANewRow:
    """One row more in the table is all that a new format needs."""

    def test_is_known_by_name_and_ending(self, trial: Format) -> None:
        assert format_named("trial") is trial
        assert format_for("x.trial.json") is trial
        assert parse_request("trial=x") == OutputRequest("trial", "x")

    def test_collides(self, trial: Format) -> None:
        with pytest.raises(InvalidInput, match="-oY x and -oX x: both write the same file"):
            check_collisions([OutputRequest("trial", "x"), OutputRequest("nmap-xml", "x")])

    def test_is_written(self, trial: Format, tmp_path: Path) -> None:
        [output] = make_outputs([OutputRequest("trial", str(tmp_path / "x"))], FormatOptions())
        run(output)
        assert (tmp_path / "x").read_text() == f"{len(RESULTS)}\n"

    def test_is_a_key_of_an_audit(self, trial: Format, tmp_path: Path) -> None:
        audit = tmp_path / "audit.toml"
        audit.write_text('targets = ["127.0.0.1"]\n[outputs]\ntry = "{date}.trial"\n')
        assert read_audit_file(audit).keys.outputs.files == {"try": "{date}.trial"}

    def test_has_absolute_paths_when_a_sweep_is_resumed(self, trial: Format, tmp_path: Path) -> None:
        assert OutputRequest("trial", "x").absolute().path == str(Path("x").absolute())
        assert OutputRequest("trial", "-").absolute().path == "-"
        options = ScanOptions(outputs=(OutputRequest("trial", "x"), OutputRequest("csv", "-")))
        prepared = plan("127.0.0.1", "1").prepared
        kept = kept_settings(saved_settings(options, prepared)).options.outputs
        assert kept == (OutputRequest("trial", str(Path("x").absolute())), OutputRequest("csv", "-"))


def test_an_unknown_key_of_an_audit_is_named_with_its_line(tmp_path: Path) -> None:
    audit = tmp_path / "audit.toml"
    audit.write_text('targets = ["127.0.0.1"]\n[outputs]\ncsvv = "a"\n')
    with pytest.raises(InvalidInput) as caught:
        read_audit_file(audit)
    keys = ", ".join(each.audit_key for each in FORMATS)
    problem = 'unknown key "csvv", did you mean "csv"?'
    assert str(caught.value) == f"{audit}:3: outputs.csvv: {problem}; the formats are {keys}"


def test_history_show_writes_any_format(
    trial: Format, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    from scanner.cli.app import run as run_command

    history = str(tmp_path / "h.db")
    command = ["scan", "127.0.0.1", "-p", "1", "-q", "-sT", "--history", history]
    assert run_command(command) == 0
    for each in (*FORMATS, trial):
        capsysbinary.readouterr()
        assert run_command(["history", "show", "last", "--history", history, "--format", each.name]) == 0
        shown = capsysbinary.readouterr().out
        file = tmp_path / each.name
        request = f"{each.name}={file}"
        assert run_command(["history", "show", "last", "--history", history, "--format", request]) == 0
        assert file.read_bytes() == shown
        assert shown
