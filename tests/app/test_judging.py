"""What judges is put together in one place, so that the same observation means the same everywhere."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import scanner

PACKAGE = Path(scanner.__file__).parent


def calls_of(name: str, folder: Path) -> Iterator[str]:
    """Yield `file:function` for each call of a name, however it was imported."""
    for path in sorted(folder.rglob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        for function in ast.walk(tree):
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                yield from (
                    f"{path.relative_to(folder)}:{function.name}"
                    for node in ast.walk(function)
                    if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == name
                )


def test_a_judge_is_made_in_one_place() -> None:
    assert list(calls_of("Judge", PACKAGE)) == ["app/judging.py:judge_for"]


def test_another_place_would_be_noticed(tmp_path: Path) -> None:
    (tmp_path / "other.py").write_text("def shortcut():\n    return classify.Judge(registry)\n")
    assert list(calls_of("Judge", tmp_path)) == ["other.py:shortcut"]


def test_a_stored_sweep_judged_anew_changes_nothing_by_itself(tmp_path: Path) -> None:
    scanner.scan_sync("127.0.0.1", "1-1023", history=tmp_path / "h.db")
    with scanner.open_history(tmp_path / "h.db") as store:
        sweep = store.sweep("last")
        today = scanner.reclassify(store, sweep)
        assert list(today.changes) == []
        assert [each.observation for each in today.judged] == [each.observation for each in store.judged(sweep)]


def test_a_policy_of_today_decides(tmp_path: Path, listening: int) -> None:
    scanner.scan_sync("127.0.0.1", str(listening), history=tmp_path / "h.db")
    policy = tmp_path / "policy.toml"
    policy.write_text(f'[[expect]]\nnetworks = ["127.0.0.1"]\nports = [{listening}]\nowner = "IT"\n')
    with scanner.open_history(tmp_path / "h.db") as store:
        today = scanner.reclassify(store, store.sweep("last"), policy=policy)
        changes = {(each.change, each.because) for each in today.changes}
        assert changes <= {(scanner.Change.GONE, scanner.Because.POLICY)}
        assert changes
        assert {each.findings[0].rule for each in today.judged} == {"policy-expected"}


@pytest.fixture
def listening() -> Iterator[int]:
    """A listener on a port in the dynamic range, which is a finding without a policy."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]
