"""The comparison itself: it fails on a difference, shows it, and an update makes it pass."""

from pathlib import Path

import pytest

from tests.snapshots.snapshot import Snapshots, normalise, transcript


def test_a_difference_fails_and_is_shown_and_an_update_keeps_the_new_text(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one\ntwo\n")
    with pytest.raises(AssertionError, match=r"(?s)-two.*\+three.*--update-snapshots"):
        Snapshots(update=False, folder=tmp_path).check("a.txt", "one\nthree\n")
    Snapshots(update=True, folder=tmp_path).check("a.txt", "one\nthree\n")
    Snapshots(update=False, folder=tmp_path).check("a.txt", "one\nthree\n")


def test_a_missing_file_and_a_missing_newline_are_differences(tmp_path: Path) -> None:
    compare = Snapshots(update=False, folder=tmp_path)
    with pytest.raises(AssertionError):
        compare.check("none.txt", "text\n")
    (tmp_path / "a.txt").write_text("text\n")
    with pytest.raises(AssertionError):
        compare.check("a.txt", "text")


def test_what_differs_between_runs_is_replaced(tmp_path: Path) -> None:
    said = normalise(f"{tmp_path}/x: sweep 20260213T220501Z-3f9a, IANA, 2026-02-12, sha256 3f9a12bc3f9a", tmp_path)
    assert said == "FOLDER/x: sweep SWEEP-ID, IANA, DATE, sha256 SHA256"


def test_a_transcript_keeps_commands_and_comments_and_replaces_what_they_print(tmp_path: Path) -> None:
    def run(*words: str) -> tuple[int, str, str]:
        return len(words), "", f"said {words[-1]}\n"

    before = "# Why\n$ scanner scan 'a b'\nold\n[9]\n\n$ scanner port\n"
    after = "# Why\n$ scanner scan 'a b'\nsaid a b\n[2]\n\n$ scanner port\nsaid port\n[1]\n"
    assert transcript(before, run, tmp_path) == after
    assert transcript(after, run, tmp_path) == after
