"""What holds for every test: an option, a mark that follows from what a test uses, and a home of its own.

These live here because pytest reads options only from the top folder of the tests.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

NETLAB = Path(__file__).parent / "netlab"
LAB_FIXTURES = {"lab", "pair", "routed"}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare `--update-snapshots`."""
    parser.addoption("--update-snapshots", action="store_true", help="write tests/snapshots/ anew instead of comparing")


def pytest_configure() -> None:
    """Give no property test a deadline: on a busy machine it would be a test of the machine."""
    settings.register_profile("scanner", deadline=None)
    settings.load_profile("scanner")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark `netlab` what makes namespaces, so that `-m "not netlab"` is all that needs neither root nor packages."""
    for item in items:
        if NETLAB in item.path.parents or LAB_FIXTURES & set(getattr(item, "fixturenames", ())):
            item.add_marker("netlab")


@pytest.fixture(autouse=True, scope="session")
def _home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep every test, and every process that one starts, away from the history and settings of who runs them."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("HOME", "XDG_STATE_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"):
            patch.setenv(name, str(home))
        yield
