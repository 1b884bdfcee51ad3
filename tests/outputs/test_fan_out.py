"""Several outputs as one: what fails in one of them stays there."""

from pathlib import Path

import pytest

from scanner.core.errors import OutputFailed
from scanner.outputs.csv_file import CsvFile
from scanner.outputs.destination import destination_for
from scanner.outputs.fan_out import FanOut
from scanner.outputs.json_lines import JsonLines
from tests.outputs.samples import INFO, RESULTS, SUMMARY, run


def test_each_gets_everything(tmp_path: Path) -> None:
    paths = [tmp_path / "a.csv", tmp_path / "b.csv"]
    run(FanOut([CsvFile(destination_for(str(path))) for path in paths]))
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert paths[0].read_text().count("\n") == 5


def test_one_that_cannot_begin_ends_all_before_the_first_probe(tmp_path: Path) -> None:
    outputs = FanOut(
        [CsvFile(destination_for(str(tmp_path / "a.csv"))), CsvFile(destination_for(str(tmp_path / "no/b.csv")))]
    )
    with pytest.raises(OutputFailed, match=r"b\.csv"):
        outputs.begin(INFO)
    assert list(tmp_path.iterdir()) == []


def test_one_that_cannot_end_keeps_none_from_it(tmp_path: Path) -> None:
    outputs = FanOut([CsvFile(destination_for("/dev/full")), CsvFile(destination_for(str(tmp_path / "a.csv")))])
    outputs.begin(INFO)
    for result in RESULTS:
        outputs.result(result)
    with pytest.raises(OutputFailed, match="/dev/full"):
        outputs.end(SUMMARY)
    assert (tmp_path / "a.csv").read_text().count("\n") == 5


def test_it_says_when_a_reader_has_gone(tmp_path: Path) -> None:
    place = destination_for("/dev/null")
    outputs = FanOut([CsvFile(destination_for(str(tmp_path / "a.csv"))), JsonLines(place)])
    assert not outputs.reader_gone
    place.reader_gone = True
    assert outputs.reader_gone
