"""Whatever a file holds, reading it ends with a model or with one clear line."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from scanner.config.policy import read_policy
from scanner.config.scope import read_scope
from scanner.core.errors import InvalidInput
from scanner.core.model import RegistryIdentity
from scanner.core.registry.registry import Registry
from scanner.files.toml import MOST_TOML_BYTES
from tests.property.strategies import file_contents

REGISTRY = Registry(RegistryIdentity("test", "2026-01-01", "0" * 64, 0), [])


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(file_contents)
def test_a_model_or_one_line(tmp_path: Path, content: str | bytes) -> None:
    path = tmp_path / "any.toml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))
    for read in (lambda: read_policy(path, lambda: REGISTRY), lambda: read_scope(path)):
        line = complaint_of(read)
        assert line.startswith(f"{path}") or not line
        assert line.isprintable()


def complaint_of(read: Callable[[], object]) -> str:
    try:
        read()
    except InvalidInput as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("x = " + "[" * 100_000, "nested too deeply|is not TOML"),
        ("x = " + "9" * 10_000, "is not TOML"),
        ("#" * (MOST_TOML_BYTES + 1), "is larger than 16 MiB"),
    ],
)
def test_extremes(tmp_path: Path, content: str, complaint: str) -> None:
    path = tmp_path / "extreme.toml"
    path.write_text(content)
    with pytest.raises(InvalidInput, match=complaint):
        read_scope(path)
