"""Silence is never taken at its word: whole sweeps through paths that go wrong.

All that is open is found and the status is 0; or, where the path cannot bear a sweep any more, the status is 3 and the
summary names the cause. The options name no speed: a sweep finds its own. What an engine cannot do yet is in `NOT_YET`
and expected to fail; one of these that passes every time is an error, so that the line is taken out.
"""

import re
import subprocess
from pathlib import Path

import pytest

from tests.netlab.lab import Lab
from tests.netlab.path_reports import scan, scan_through
from tests.netlab.paths import FAULTS, Fault, Network, lose, silence_the_uplink

pytestmark = pytest.mark.netlab

ENGINES = ("syn", "connect")
HEAVY_LOSS = Fault("loss-10", lose(10))
FEW = [
    "police-300",
    "police-3000",
    "flows-500",
    "flows-50-each",
    "table-500",
    "resets-200",
    "cut-0.5",
    "cut-2",
    "cut-5",
    "ban-host",
    "silent-host",
    "silent-uplink",
    "gateway-dies",
    "gateway-moves",
    "gateway-moves-quietly",
    "renumbered",
    "trip-300",
    "trip-300-police-1000",
    "competitor",
]
_RESETS = "closed ports behind a limit on resets are called filtered"
NOT_YET = {
    "syn": {"resets-200": _RESETS},
    "connect": {"resets-200": _RESETS, "police-3000": "its rate is found too late where other work takes the machine"},
}
"""What an engine does wrong yet, by fault."""
_NOW_AND_THEN = {"police-3000", "resets-200"}
"""Of these, what it sometimes does right."""


ANSWERED_NOT = re.compile(r"\b(no (host|address|endpoint)s?|nothing) (has )?answered|gave no answer", re.IGNORECASE)


def each(*names: str) -> pytest.MarkDecorator:
    """Run a test for each engine and name; what is known to be wrong yet is expected to fail."""
    return pytest.mark.parametrize(
        ("engine", "name"),
        [
            pytest.param(
                engine,
                name,
                marks=_expected(engine, name),
            )
            for name in names
            for engine in ENGINES
        ],
    )


def _expected(engine: str, name: str) -> list[pytest.MarkDecorator]:
    reason = NOT_YET[engine].get(name)
    return [pytest.mark.xfail(strict=name not in _NOW_AND_THEN, reason=reason)] if reason else []


@each(*FEW)
def test_all_is_found_or_the_cause_is_named(lab: Lab, engine: str, name: str) -> None:
    fault = FAULTS[name]
    report = scan_through(fault.network(lab, seconds=4 if name.startswith("table") else 2), fault, "--engine", engine)
    assert report.struck, "the sweep ended before anything happened"
    assert report.kept, report


@each("loss-10")
def test_an_endpoint_is_asked_as_often_as_the_loss_needs(lab: Lab, engine: str, name: str) -> None:
    """1,024 open ports, and one in five questions without an answer: three tries would miss seven of them."""
    report = scan_through(Network(lab, ports=128, services=64), HEAVY_LOSS, "--engine", engine)
    assert report.kept, report


@each("silent-from-the-start")
def test_a_sweep_without_an_answer_says_so_in_its_last_line(lab: Lab, engine: str, name: str) -> None:
    network = Network(lab, ports=50)
    silence_the_uplink(network)
    said = scan(network, "--engine", engine)
    assert said.found == frozenset()
    assert ANSWERED_NOT.search(said.errors.splitlines()[-1])


@each("host-silent-from-the-start")
def test_a_host_that_never_answers_is_not_called_filtered(lab: Lab, engine: str, name: str) -> None:
    network = Network(lab, ports=48)
    network.target.nft(f"add rule inet lab input ip daddr {network.hosts[3]} drop")
    said = scan(network, "--engine", engine)
    assert said.found == {endpoint for endpoint in network.open if endpoint[0] != network.hosts[3]}
    assert said.summary["reasons"].get("silent-host") == 48, said.summary
    assert said.status == 0


@pytest.fixture
def office(lab: Lab, tmp_path: Path) -> tuple[Network, Path]:
    """A network, and an audit of it."""
    network = Network(lab, hosts=4, ports=60)
    audit = tmp_path / "audit.toml"
    audit.write_text(
        f'name = "Office"\ntargets = ["{network.words}"]\nports = "{network.ports}"\n'
        'history = "history.db"\nonly_changes = true\nfail_on = "none"\n'
    )
    return network, audit


@each("second-night")
def test_a_night_without_an_answer_is_incomplete_and_says_so_each_time(
    office: tuple[Network, Path], engine: str, name: str
) -> None:
    network, audit = office
    audit.write_text(audit.read_text() + f'engine = "{engine}"\n')
    first = sweep_of(network, audit)
    assert (first.returncode, first.stderr) == (0, "")
    silence_the_uplink(network)
    for night in (sweep_of(network, audit), sweep_of(network, audit)):
        assert night.returncode == 3, night.stdout + night.stderr
        assert "path-lost" in night.stdout + night.stderr or ANSWERED_NOT.search(night.stdout + night.stderr)


@each("diff")
def test_nothing_is_closed_or_gone_out_of_silence(office: tuple[Network, Path], engine: str, name: str) -> None:
    network, audit = office
    audit.write_text(audit.read_text() + f'engine = "{engine}"\n')
    sweep_of(network, audit)
    silence_the_uplink(network)
    sweep_of(network, audit)
    history = str(audit.with_name("history.db"))
    changes = network.scanner.python("-m", "scanner", "diff", "last~1", "last", "--history", history, check=False)
    assert changes.stdout
    assert not re.search(r"\b(closed|gone)\b", changes.stdout), changes.stdout


def sweep_of(network: Network, audit: Path) -> subprocess.CompletedProcess[str]:
    """One night."""
    return network.scanner.python("-m", "scanner", "sweep", str(audit), check=False)
