"""The library: the same words, refusals and values as the command line."""

import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import scanner
from scanner.cli.app import run
from scanner.core.plan.reasons import Reason
from scanner.registry.overlays import bundled_overlays
from scanner.registry.source import load_bundled

EXAMPLE = Path(__file__).parents[1] / "examples" / "find_unexplained.py"
TIMES = {"sweep_id", "observed_at", "first_seen", "rtt_ms"}


def listen(port: int, stack: ExitStack) -> bool:
    """Listen on a port of loopback; False where that is not possible."""
    listener = stack.enter_context(socket.socket())
    try:
        listener.bind(("127.0.0.1", port))
    except OSError:
        return False
    listener.listen(64)
    return True


@pytest.fixture
def unassigned() -> Iterator[int]:
    """A listener on a port of loopback that the registry does not assign."""
    ports = load_bundled().ports_with_status(scanner.Transport.TCP, scanner.RegistryStatus.UNASSIGNED)
    with ExitStack() as stack:
        yield next(port for port in reversed(ports) if listen(port, stack))


@pytest.fixture
def notorious() -> Iterator[list[int]]:
    """Listeners on ports that the overlays know from attacks."""
    known = [key.number for key in bundled_overlays().threats if key.transport is scanner.Transport.TCP]
    with ExitStack() as stack:
        yield [port for port in known if port > 1023 and listen(port, stack)][:6]


def by_library(*arguments: Any, **more: Any) -> list[dict[str, Any]]:
    """The records of a library scan, without what differs between two runs."""
    result = scanner.scan_sync(*arguments, **more)
    records = json.loads(json.dumps(result.to_records()))
    return sorted(({k: v for k, v in each.items() if k not in TIMES} for each in records), key=_place)


def by_command_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, *words: str
) -> tuple[int, list[dict[str, Any]]]:
    """The same from the command line's JSON lines."""
    capsys.readouterr()
    status = run(["scan", *words, "--json", "-q", "--history", str(tmp_path / "h.db")])
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    findings = [line for line in lines if line["type"] == "finding"]
    drop = TIMES | {"type", "schema_version", "identity"}
    return status, sorted(({k: v for k, v in each.items() if k not in drop} for each in findings), key=_place)


def _place(record: dict[str, Any]) -> tuple[Any, ...]:
    return record["address"], record["port"], record["rule"]


@pytest.mark.parametrize(
    ("words", "options"),
    [
        ((), {}),
        (("--identify",), {"identify": True}),
        (("--exclude-ports", "{first}"), {"exclude_ports": "{first}"}),
        (("--retries", "0", "--timeout", "0.5"), {"retries": 0, "timeout": 0.5}),
        (("--discover", "-p", "{ports},1-20"), {"discover": True, "ports": "{ports},1-20"}),
        (("--engine", "connect", "--rate", "5000", "--seed", "7"), {"engine": "connect", "rate": 5000, "seed": 7}),
    ],
    ids=["plain", "identify", "exclude-ports", "retries", "discover", "rate"],
)
def test_both_fronts_give_the_same_values_from_the_same_words(
    notorious: list[int],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    words: tuple[str, ...],
    options: dict[str, Any],
) -> None:
    ports, first = ",".join(map(str, notorious)), str(notorious[0])
    fill = {"{ports}": ports, "{first}": first}

    def filled(value: Any) -> Any:
        for mark, text in fill.items():
            value = value.replace(mark, text) if isinstance(value, str) else value
        return value

    status, told = by_command_line(capsys, tmp_path, "127.0.0.1", "-p", ports, *map(filled, words))
    arguments = {"ports": ports} | {key: filled(value) for key, value in options.items()}
    result = scanner.scan_sync("127.0.0.1", **arguments)
    assert by_library("127.0.0.1", **arguments) == told
    assert result.exit_status == status
    assert {"threat-listener"} <= {record["rule"] for record in told}


def test_a_host_that_answers_everywhere_is_one_entry_for_both(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with ExitStack() as stack:
        ports = [port for port in range(49300, 49700) if listen(port, stack)][:200]
        words = f"{ports[0]}-{ports[-1]}" if ports[-1] - ports[0] == 199 else ",".join(map(str, ports))
        _, told = by_command_line(capsys, tmp_path, "127.0.0.1", "-p", words)
        assert by_library("127.0.0.1", words) == told


def test_a_policy_judges_alike_on_both_fronts(
    unassigned: int, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "policy.toml"
    path.write_text(f'[[expect]]\nnetworks = ["127.0.0.1"]\nports = [{unassigned}]\nrequired = [1]\nowner = "IT"\n')
    ports = f"1,{unassigned}"
    _, told = by_command_line(capsys, tmp_path, "127.0.0.1", "-p", ports, "--policy", str(path))
    assert by_library("127.0.0.1", ports, policy=path) == told
    read = scanner.read_policy(path, load_bundled)
    assert by_library("127.0.0.1", ports, policy=read) == told
    assert {(each["port"], each["rule"]) for each in told} == {
        (unassigned, "policy-expected"),
        (1, "required-missing"),
    }


async def test_an_open_unassigned_port_is_found_and_judged(unassigned: int) -> None:
    result = await scanner.scan("127.0.0.1", f"{unassigned - 3}-{unassigned}")
    (finding,) = [each for each in result.findings if each.observation.endpoint.port == unassigned]
    assert finding.observation.state is scanner.State.OPEN
    assert (finding.rule, finding.severity) == ("open-unassigned", scanner.Severity.MEDIUM)
    assert result.coverage.planned == 4
    assert result.complete
    assert not result.clean
    assert result.exit_status is scanner.ExitStatus.FINDINGS


async def test_what_the_command_line_refuses_the_library_refuses() -> None:
    for targets, error in (("192.0.2.1", scanner.OutOfScope), ("10.0.0.300", scanner.InvalidInput)):
        with pytest.raises(error):
            await scanner.scan(targets, "22")


async def test_nothing_probed_cannot_be_read_as_nothing_found() -> None:
    engine = scanner.FakeEngine()
    result = await scanner.scan("127.0.0.1", "1-10", engine=engine)
    assert result.findings == ()
    assert not result.clean
    assert result.exit_status is scanner.ExitStatus.INCOMPLETE
    assert result.reasons == {Reason.NOT_PROBED.value: 10}
    with pytest.raises(scanner.NotCovered, match=r"10 of 10 endpoints are unknown .*not-probed 10"):
        result.require_coverage()


def test_a_host_without_a_route_is_not_clean() -> None:
    script = "import scanner; r = scanner.scan_sync('127.0.0.1', '80'); print(r.clean, r.findings, r.reasons)"
    command = ["unshare", "--net", "--map-root-user", sys.executable, "-c", script]
    if shutil.which("unshare") is None or subprocess.run([*command[:3], "true"], check=False).returncode:
        pytest.skip("this system lets us make no namespace without network")
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "False () {'no-route': 1}\n"


async def test_what_is_found_streams_and_the_result_comes_last(unassigned: int) -> None:
    running = scanner.stream("127.0.0.1", str(unassigned))
    with pytest.raises(scanner.NotCovered):
        _ = running.result
    seen = [judged async for judged in running]
    assert tuple(seen) == running.result.judged
    assert [each.observation.endpoint.port for each in seen] == [unassigned]


async def test_leaving_early_is_clean(unassigned: int) -> None:
    async with scanner.stream("127.0.0.1", str(unassigned)) as running:
        async for judged in running:
            assert judged.observation.endpoint.port == unassigned
            break
    with pytest.raises(scanner.NotCovered):
        _ = running.result


def test_the_sync_stream_yields_the_same(unassigned: int) -> None:
    found = list(scanner.stream_sync("127.0.0.1", str(unassigned)))
    assert [each.observation.endpoint.port for each in found] == [unassigned]


def test_a_history_is_kept_only_where_one_is_named(
    unassigned: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    scanner.scan_sync("127.0.0.1", str(unassigned))
    assert not (tmp_path / "state").exists()
    first = scanner.scan_sync("127.0.0.1", str(unassigned), history=tmp_path / "h.db")
    second = scanner.scan_sync("127.0.0.1", str(unassigned), history=tmp_path / "h.db")
    before, again = first.findings[0].first_seen, second.findings[0].first_seen
    assert before is not None
    assert again is not None
    assert abs(again - before) < timedelta(milliseconds=1), "the history keeps milliseconds"


def test_rules_and_outputs_of_the_caller_take_part(unassigned: int) -> None:
    rule = scanner.Rule(
        id="mine",
        severity=scanner.Severity.HIGH,
        verdict=scanner.Verdict.UNEXPECTED,
        name="Mine",
        why="Because.",
        action="Look.",
        applies=lambda case: f"port {case.observation.endpoint.port} is mine",
    )

    class Sink:
        def __init__(self) -> None:
            self.rules: list[str] = []

        def begin(self, info: scanner.SweepInfo) -> None: ...

        def result(self, judged: scanner.Judged) -> None:
            self.rules += [finding.rule for finding in judged.findings]

        def end(self, summary: scanner.Summary) -> None: ...

        def abandon(self) -> None: ...

    sink = Sink()
    result = scanner.scan_sync("127.0.0.1", str(unassigned), rules=(rule,), sinks=(sink,))
    assert result.findings[0].rule == "mine"
    assert sink.rules[0] == "mine"


def test_the_example_runs(unassigned: int) -> None:
    done = subprocess.run(
        [sys.executable, str(EXAMPLE), "127.0.0.1", f"{unassigned},1"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert f"127.0.0.1:{unassigned}/tcp" in done.stdout
    refused = subprocess.run([sys.executable, str(EXAMPLE), "8.8.8.8.8"], capture_output=True, text=True, check=False)
    assert refused.returncode == 1
    assert refused.stderr.count("\n") == 1
