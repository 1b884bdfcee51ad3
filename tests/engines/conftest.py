"""The network laboratory, for tests of what touches the network."""

from tests.netlab.conftest import lab, pair, routed

__all__ = ["lab", "pair", "routed"]
