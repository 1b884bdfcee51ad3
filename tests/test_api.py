"""The library: the same words, refusals and findings as the command line, as an async iterator."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import scanner

EXAMPLE = Path(__file__).parents[1] / "examples" / "find_unexplained.py"


@pytest.fixture
def unassigned() -> Iterator[int]:
    """A listener on a port of loopback that the registry does not assign."""
    from scanner.core.model import RegistryStatus, Transport
    from scanner.registry.source import load_bundled

    ports = load_bundled().ports_with_status(Transport.TCP, RegistryStatus.UNASSIGNED)
    for port in reversed(ports):
        with socket.socket() as listener:
            try:
                listener.bind(("127.0.0.1", port))
            except OSError:
                continue
            listener.listen()
            yield port
            return


async def test_an_open_unassigned_port_is_found_and_judged(unassigned: int) -> None:
    found = [judged async for judged in scanner.scan("127.0.0.1", f"{unassigned - 3}-{unassigned}")]
    (judged,) = [each for each in found if each.observation.endpoint.port == unassigned]
    assert judged.observation.state is scanner.State.OPEN
    assert judged.observation.reason == "syn-ack"
    assert [finding.rule for finding in judged.findings] == ["open-unassigned"]
    assert judged.severity is scanner.Severity.MEDIUM


async def test_what_the_command_line_refuses_the_library_refuses() -> None:
    for targets, error in (("192.0.2.1", scanner.OutOfScope), ("10.0.0.300", scanner.InvalidInput)):
        with pytest.raises(error):
            [judged async for judged in scanner.scan(targets, "22")]


async def test_a_policy_judges_and_what_it_requires_is_told(unassigned: int, tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text(f'[[expect]]\nnetworks = ["127.0.0.1"]\nports = [{unassigned}]\nrequired = [1]\nowner = "IT"\n')
    policy = scanner.read_policy(path, lambda: pytest.fail("no service is named"))
    found = [judged async for judged in scanner.scan("127.0.0.1", f"1,{unassigned}", policy=policy)]
    said = {each.observation.endpoint.port: [finding.rule for finding in each.findings] for each in found}
    assert said == {unassigned: ["policy-expected"], 1: ["required-missing"]}


async def test_leaving_early_is_clean(unassigned: int) -> None:
    async for judged in scanner.scan("127.0.0.1", str(unassigned)):
        assert judged.observation.endpoint.port == unassigned
        break


def test_the_example_runs(unassigned: int) -> None:
    done = subprocess.run(
        [sys.executable, str(EXAMPLE), "127.0.0.1", f"{unassigned},1"], capture_output=True, text=True, check=True
    )
    assert f"127.0.0.1:{unassigned}/tcp" in done.stdout
    refused = subprocess.run([sys.executable, str(EXAMPLE), "8.8.8.8.8"], capture_output=True, text=True, check=False)
    assert refused.returncode == 1
    assert refused.stderr.count("\n") == 1
