"""Options of the whole test suite."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare `--update-snapshots`; here, because pytest reads options only from the top folder of the tests."""
    parser.addoption("--update-snapshots", action="store_true", help="write tests/snapshots/ anew instead of comparing")
