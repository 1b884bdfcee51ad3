"""The history as a library: documented functions, typed values, nothing heavy until it is used."""

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from scanner import history
from scanner.core.errors import HistoryUnusable
from scanner.core.model import Judged
from scanner.core.report import Summary


async def test_a_program_lists_reads_and_compares_sweeps(lab: Any, world: Callable[..., Any]) -> None:
    await lab.sweep(world(("10.0.0.3", 8123)))
    await lab.sweep(world())
    with history.open_history(str(lab.path)) as store:
        new, old = store.sweeps()
        assert isinstance(old, history.StoredSweep)
        assert isinstance(store.summary(old), Summary)
        assert [type(each) for each in store.judged(old)] == [Judged]
        found = history.compare_sweeps(store, old, new)
        assert isinstance(found, history.Comparison)
        assert (found.overlap.common, found.overlap.total, found.overlap.exact) == (48, 48, True)
        assert [each.change for each in found.changes] == ["closed", "gone-finding"]
    with pytest.raises(HistoryUnusable):
        store.sweep("last")


def test_every_public_name_is_there_and_documented() -> None:
    for name in history.__all__:
        assert getattr(history, name).__doc__, name
    with pytest.raises(AttributeError):
        history.nothing  # noqa: B018


def test_naming_the_room_imports_nothing_heavy() -> None:
    script = "import sys, scanner.history; print(sorted({'numpy', 'sqlite3', 'pydantic'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
