"""Every command's `--help`, one file each."""

import pytest

from scripts.help_pages import command_paths, help_page
from tests.snapshots.snapshot import FOLDER, Snapshots, skip_with_another_typer


def name_of(words: tuple[str, ...]) -> str:
    return f"help/{'-'.join(('scanner', *words))}.txt"


@pytest.mark.parametrize("words", command_paths(), ids=lambda words: " ".join(words) or "scanner")
def test_the_help_of_a_command_is_as_recorded(words: tuple[str, ...], snapshots: Snapshots) -> None:
    skip_with_another_typer(snapshots)
    page = help_page(words)
    assert page.startswith("Usage: scanner")
    assert max(map(len, page.splitlines())) <= 80
    snapshots.check(name_of(words), page)


def test_no_page_is_kept_of_a_command_that_is_gone(snapshots: Snapshots) -> None:
    wanted = {name_of(words) for words in command_paths()}
    stale = [path for path in (FOLDER / "help").glob("*.txt") if f"help/{path.name}" not in wanted]
    if snapshots.update:
        for path in stale:
            path.unlink()
    else:
        assert stale == []
