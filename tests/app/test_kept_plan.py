"""A plan in the history that was changed: it goes no further than its own words and its scope, and never breaks."""

import json
import sqlite3
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path

import pytest

import scanner
from scanner.app.resume import interrupted_sweep
from scanner.core.errors import HistoryUnusable, InvalidInput, OutOfScope
from scanner.engines.fake import FakeEngine
from scanner.history.codec import plan_of, plan_text
from scanner.history.store import open_history


def number(text: str) -> int:
    return int(ip_address(text))


def span(first: str, last: str = "") -> list[int]:
    return [ip_address(first).version, number(first), number(last or first)]


@pytest.fixture
def history(tmp_path: Path) -> Path:
    """A sweep that can be resumed."""
    path = tmp_path / "h.db"
    (tmp_path / "never.txt").write_text("127.0.0.7\n")
    scanner.scan_sync(
        "127.0.0.1-9", "20-29,U:53,U:123", exclude="127.0.0.5,127.0.0.64/26", exclude_files=[tmp_path / "never.txt"],
        exclude_ports="25", history=path, engine=FakeEngine(), no_history=False,
    )  # fmt: skip
    with sqlite3.connect(path) as connection:
        connection.execute(
            "UPDATE sweep SET finished = NULL, summary = NULL, settings = replace(settings, 'fake', 'connect')"
        )
        connection.execute("""UPDATE sweep SET info = replace(info, '"fake"', '"connect"')""")
    connection.close()
    return path


def rewrite(path: Path, column: str, text: str) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute(f"UPDATE sweep SET {column} = ?", (text,))
    connection.close()


def changed(path: Path, **values: object) -> None:
    """Change the stored plan, and its order with it, as one who knows the format would."""
    with sqlite3.connect(path) as connection:
        ((text,),) = connection.execute("SELECT plan FROM sweep")
    connection.close()
    plan = plan_of(json.dumps(json.loads(text) | values))
    rewrite(path, "plan", plan_text(plan))


def resume(path: Path) -> None:
    with open_history(path) as store:
        kept = interrupted_sweep(store, store.sweep("last"))
        kept.planned(kept.options, warn=lambda _: None)


def test_a_plan_that_was_not_touched_goes_on(history: Path) -> None:
    resume(history)


@pytest.mark.parametrize(
    ("values", "error", "said"),
    [
        ({"ranges": [span("127.0.0.5")]}, InvalidInput, r"--exclude: the stored plan holds 127\.0\.0\.5"),
        ({"ranges": [span("127.0.0.7")]}, InvalidInput, r"--exclude: the stored plan holds 127\.0\.0\.7"),
        ({"ranges": [span("127.0.0.1", "127.0.0.3"), span("127.0.1.1")]}, InvalidInput, r"TARGET: .* 127\.0\.1\.1"),
        ({"ranges": [span("8.8.8.8")]}, InvalidInput, r"TARGET: the stored plan holds 8\.8\.8\.8"),
        ({"ranges": [span("::ffff:127.0.0.1")]}, InvalidInput, "TARGET"),
        ({"ports": [[20, 25]]}, InvalidInput, "--exclude-ports: the stored plan holds port 25"),
        ({"udp_ports": [[25, 25]]}, InvalidInput, "--exclude-ports: the stored plan holds port 25"),
    ],
)
def test_a_plan_goes_no_further_than_its_words(
    history: Path, values: Mapping[str, object], error: type[Exception], said: str
) -> None:
    changed(history, **values, classes=[])
    with pytest.raises(error, match=said):
        resume(history)


def test_a_plan_whose_words_were_changed_too_still_needs_its_permission(history: Path) -> None:
    changed(history, ranges=[span("8.8.8.8")])
    with sqlite3.connect(history) as connection:
        connection.execute("UPDATE sweep SET settings = replace(settings, '127.0.0.1-9', '8.8.8.8')")
    connection.close()
    with pytest.raises(OutOfScope, match="needs a permission"):
        resume(history)


BROKEN: list[Mapping[str, object]] = [
    {"ranges": [[4, 9, 1]]}, {"ranges": [[4, 1, 1 << 40]]}, {"ranges": [[4, -5, -1]]}, {"ranges": [[5, 1, 2]]},
    {"ranges": [["4", "a", "b"]]}, {"ranges": [[4, 1.5, 2.5]]}, {"ranges": [[4, 1]]}, {"ranges": []}, {"ranges": 5},
    {"ranges": None}, {"ports": [[0, 0]]}, {"ports": [[70000, 70001]]}, {"ports": [[9, 2]]}, {"ports": [[1, 10**12]]},
    {"ports": [[20, 22], [20, 22]]}, {"ports": [[22, 22], [20, 20]]}, {"wave_size": 0}, {"wave_size": -1},
    {"wave_size": 10**30}, {"wave_size": "x"}, {"seed": "x"}, {"seed": None}, {"shard": [5, 2]}, {"shard": [1, 2, 3]},
    {"classes": [[[0, 5]]]}, {"classes": [[[0, 10**9]]]}, {"order": None},
]  # fmt: skip


@pytest.mark.parametrize("values", BROKEN, ids=str)
def test_what_no_plan_can_hold_is_one_line(history: Path, values: Mapping[str, object]) -> None:
    with sqlite3.connect(history) as connection:
        ((text,),) = connection.execute("SELECT plan FROM sweep")
    connection.close()
    rewrite(history, "plan", json.dumps(json.loads(text) | values))
    with pytest.raises((HistoryUnusable, InvalidInput), match=r"the history is damaged|another order"):
        resume(history)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "5",
        "{}",
        "[" * 100_000,
        '"\ud800"'.encode(errors="surrogatepass").decode(errors="replace"),
    ],
)
@pytest.mark.parametrize("column", ["plan", "info", "settings"])
def test_what_is_no_value_at_all_is_one_line(history: Path, column: str, text: str) -> None:
    rewrite(history, column, text)
    with pytest.raises((HistoryUnusable, InvalidInput)) as caught:
        resume(history)
    assert "\n" not in str(caught.value)
