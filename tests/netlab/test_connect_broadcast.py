"""The last address of a network on our own link belongs to no host: it is absent, and the sweep is still complete."""

import json

from tests.netlab.lab import Namespace


def test_a_whole_network_on_the_link_is_covered(pair: tuple[Namespace, Namespace]) -> None:
    here, there = pair
    there.listen([8081])
    for engine in ("connect", "syn"):
        done = here.python(
            "-m", "scanner", "scan", "10.77.0.0/24", "-p", "22,8081", "--engine", engine, "--json", "--no-history",
            check=False,
        )  # fmt: skip
        summary = json.loads(done.stdout.splitlines()[-1])
        assert done.returncode == 0, done.stderr
        assert summary["coverage"]["unknown"] == 0
        assert summary["coverage"]["open"] == 1
        assert summary["coverage"]["unreachable_hosts"] == 254


def test_without_a_route_nothing_is_known_and_the_status_is_3(pair: tuple[Namespace, Namespace]) -> None:
    here, _ = pair
    for engine in ("connect", "syn"):
        done = here.python(
            "-m", "scanner", "scan", "10.99.0.1", "-p", "22", "--engine", engine, "--json", "--no-history", check=False
        )
        summary = json.loads(done.stdout.splitlines()[-1])
        assert done.returncode == 3, done.stderr
        assert summary["coverage"]["unknown"] == 1
        assert summary["reasons"] == {"no-route": 1}
