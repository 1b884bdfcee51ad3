"""Days that files name are local days: they end at midnight where the scan runs, at both ends of the world."""

from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from scanner.config import local_zone as local_zone_module
from scanner.config.audit import read_audit
from scanner.config.local_zone import local_zone
from scanner.config.policy import read_policy
from scanner.config.scope import read_scope
from scanner.core.model import PortKey, RegistryIdentity, Transport
from scanner.core.policy.check import Oddity, check_policy
from scanner.core.policy.policy import Policy, Standing
from scanner.core.registry.registry import Registry
from scanner.core.targets.ranges import network_span
from scanner.core.targets.targets import to_address

AUCKLAND, LOS_ANGELES = ZoneInfo("Pacific/Auckland"), ZoneInfo("America/Los_Angeles")
ENDS = pytest.mark.parametrize(
    ("zone", "midnight"),
    [
        (AUCKLAND, datetime(2026, 12, 31, 11, tzinfo=UTC)),  # summer: UTC+13
        (LOS_ANGELES, datetime(2027, 1, 1, 8, tzinfo=UTC)),
        (UTC, datetime(2027, 1, 1, tzinfo=UTC)),
    ],
)
REGISTRY = Registry(RegistryIdentity("test", "2026-01-01", "0" * 64, 0), [])
HOST = to_address(4, network_span("10.0.0.1").first)
SECOND = 1


def earlier(moment: datetime) -> datetime:
    return datetime.fromtimestamp(moment.timestamp() - SECOND, UTC)


def scope_text(until: str, begins: str = "2026-01-01") -> str:
    return f"networks=['192.0.2.0/24']\nowner='x'\nauthorisation='y'\nvalid_from={begins}\nvalid_until={until}\n"


def policy(folder: Path, expires: str, zone: ZoneInfo) -> Policy:
    path = folder / "p.toml"
    path.write_text(f"[[exception]]\nnetworks=['10.0.0.1']\nports=[80]\nowner='x'\nticket='t'\nexpires={expires}\n")
    return read_policy(path, lambda: REGISTRY, zone=zone)


def standing(policy: Policy, when: date) -> Standing:
    return policy.decide(HOST, "", PortKey(Transport.TCP, 80), when).standing


@ENDS
def test_a_permission_ends_at_local_midnight(tmp_path: Path, zone: ZoneInfo, midnight: datetime) -> None:
    path = tmp_path / "s.toml"
    path.write_text(scope_text("2026-12-31"))
    scope = read_scope(path, zone=zone)
    assert scope.valid_until == midnight
    assert not scope.invalid_at(earlier(midnight))
    assert scope.invalid_at(midnight) == f"expired at {midnight.astimezone(zone).isoformat()}"


@ENDS
def test_a_permission_begins_at_local_midnight(tmp_path: Path, zone: ZoneInfo, midnight: datetime) -> None:
    path = tmp_path / "s.toml"
    path.write_text(scope_text("2027-06-30", begins="2027-01-01"))
    scope = read_scope(path, zone=zone)
    assert scope.invalid_at(earlier(midnight))
    assert not scope.invalid_at(midnight)


def test_a_day_with_summer_time_ends_at_its_own_midnight(tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    path.write_text(scope_text("2026-03-29"))  # clocks go forward in Berlin
    assert read_scope(path, zone=ZoneInfo("Europe/Berlin")).valid_until == datetime(2026, 3, 29, 22, tzinfo=UTC)


def test_a_time_with_its_offset_is_the_same_moment_everywhere(tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    path.write_text(scope_text("2026-12-31T18:00:00+01:00"))
    moments = {read_scope(path, zone=zone).valid_until for zone in (AUCKLAND, LOS_ANGELES)}
    assert moments == {datetime(2026, 12, 31, 17, tzinfo=UTC)}


def test_a_time_without_offset_is_local(tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    path.write_text(scope_text("2026-12-31T18:00:00"))
    assert read_scope(path, zone=AUCKLAND).valid_until == datetime(2026, 12, 31, 5, tzinfo=UTC)


@ENDS
def test_an_exception_ends_at_local_midnight(tmp_path: Path, zone: ZoneInfo, midnight: datetime) -> None:
    read = policy(tmp_path, "2026-12-31", zone)
    assert standing(read, earlier(midnight)) is Standing.EXCEPTED
    assert standing(read, midnight) is Standing.EXPIRED
    assert standing(read, date(2026, 12, 31)) is Standing.EXCEPTED
    assert standing(read, date(2027, 1, 1)) is Standing.EXPIRED


def test_an_exception_may_end_at_a_moment(tmp_path: Path) -> None:
    read = policy(tmp_path, "2026-12-31T18:00:00+01:00", AUCKLAND)
    end = datetime(2026, 12, 31, 17, tzinfo=UTC)
    assert standing(read, earlier(end)) is Standing.EXCEPTED
    assert standing(read, end) is Standing.EXPIRED
    assert standing(read, date(2027, 1, 1)) is Standing.EXCEPTED, "that day begins in Auckland before the end"
    assert standing(read, date(2027, 1, 2)) is Standing.EXPIRED
    assert [remark.oddity for remark in check_policy(read, date(2027, 1, 2))] == [Oddity.EXPIRED]
    assert [remark.oddity for remark in check_policy(read, date(2026, 12, 30))] == [Oddity.EXPIRES_SOON]


def test_a_policy_as_of_a_day_keeps_its_zone(tmp_path: Path) -> None:
    read = policy(tmp_path, "2026-12-31", AUCKLAND).as_of_day(datetime(2026, 12, 31, 12, tzinfo=UTC))
    assert standing(read, date(2020, 1, 1)) is Standing.EXPIRED


@pytest.mark.parametrize(("zone", "day"), [(AUCKLAND, "2026-06-02"), (LOS_ANGELES, "2026-06-01")])
def test_the_date_in_a_file_name_is_the_local_day(tmp_path: Path, zone: ZoneInfo, day: str) -> None:
    path = tmp_path / "a.toml"
    path.write_text("targets=['127.0.0.1']\n[outputs]\ncsv='f-{date}.csv'\n")
    audit = read_audit(path, options={"targets": (list[str], [])}, formats=("csv",), zone=zone)
    assert audit.output("f-{date}.csv", "id", datetime(2026, 6, 1, 20, tzinfo=UTC)) == tmp_path / f"f-{day}.csv"


@pytest.mark.parametrize(
    ("wanted", "name"),
    [("Pacific/Auckland", "Pacific/Auckland"), (":America/Los_Angeles", "America/Los_Angeles"), ("", "UTC")],
)
def test_the_zone_is_the_one_that_tz_names(monkeypatch: pytest.MonkeyPatch, wanted: str, name: str) -> None:
    monkeypatch.setenv("TZ", wanted)
    assert str(local_zone()) == name


def test_without_tz_the_zone_is_where_localtime_points(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = tmp_path / "zoneinfo" / "Pacific"
    folder.mkdir(parents=True)
    (tmp_path / "localtime").symlink_to(folder / "Auckland")
    monkeypatch.delenv("TZ", raising=False)
    monkeypatch.setattr(local_zone_module, "LOCALTIME", tmp_path / "localtime")
    assert str(local_zone()) == "Pacific/Auckland"


@pytest.mark.parametrize("wanted", ["Nowhere/Atlantis", "../etc/passwd", "/nowhere/at/all"])
def test_a_zone_that_is_not_known_gives_the_present_offset(monkeypatch: pytest.MonkeyPatch, wanted: str) -> None:
    monkeypatch.setenv("TZ", wanted)
    offset = datetime.now(local_zone()).utcoffset()
    assert offset is not None


def test_a_finding_says_in_which_zone_its_exception_ended(tmp_path: Path) -> None:
    read = policy(tmp_path, "2026-12-31", AUCKLAND)
    decision = read.decide(HOST, "", PortKey(Transport.TCP, 80), datetime(2027, 1, 1, tzinfo=UTC))
    assert decision.ends == "2026-12-31 (Pacific/Auckland)"
    moment = policy(tmp_path, "2026-12-31T18:00:00+01:00", AUCKLAND)
    assert moment.decide(HOST, "", PortKey(Transport.TCP, 80), date(2027, 1, 1)).ends == "2026-12-31 18:00:00+01:00"
