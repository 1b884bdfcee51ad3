"""Fixtures of the network laboratory. Where there can be none, these tests are skipped and say why."""

from collections.abc import Iterator

import pytest

from tests.netlab.lab import Lab, Namespace, why_not


@pytest.fixture
def lab() -> Iterator[Lab]:
    """An empty laboratory, taken away after the test."""
    if reason := why_not():
        pytest.skip(reason)
    with Lab() as made:
        yield made


@pytest.fixture
def pair(lab: Lab) -> tuple[Namespace, Namespace]:
    """Hosts a and b on one wire, `v0` on both: 10.77.0.1, fd77::1 <-> 10.77.0.2, fd77::2."""
    return lab.pair()


@pytest.fixture
def routed(lab: Lab) -> tuple[Namespace, Namespace, Namespace]:
    """Hosts a and b with router r between them: 10.77.1.1 - r - 10.77.2.1, fd77:1::1 - r - fd77:2::1."""
    return lab.routed()
