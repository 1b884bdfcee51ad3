"""Scope files: read, and refused with the place."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from scanner.config.scope import read_scope
from scanner.core.errors import InvalidInput
from scanner.core.targets.ranges import network_span

GOOD = """\
name = "office"
networks = ["192.0.2.0/24", "2001:db8::/64"]
owner = "Example Ltd"
authorisation = "letter 4711"
valid_from = 2026-02-01
valid_until = 2026-12-31
max_rate = 500
"""


def write(folder: Path, text: str | bytes) -> Path:
    path = folder / "scope.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_a_scope_file_is_read_whole(tmp_path: Path) -> None:
    scope = read_scope(write(tmp_path, GOOD))
    assert scope.spans == (network_span("192.0.2.0/24"), network_span("2001:db8::/64"))
    assert scope.valid_from == datetime(2026, 2, 1, tzinfo=UTC)
    assert not scope.invalid_at(datetime(2026, 12, 31, 23, 59, tzinfo=UTC)), "the last day is included"
    assert scope.invalid_at(datetime(2027, 1, 1, tzinfo=UTC))
    assert scope.max_rate == 500
    assert scope.identity.startswith("office sha256:")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (GOOD.replace("2026-12-31", "2026-01-01"), r"scope\.toml:6: valid_until: ends before it begins"),
        (GOOD.replace("192.0.2.0/24", "192.0.2.1/24"), r"scope\.toml:2: networks\[1\]: .*host bits"),
        (
            GOOD.replace("192.0.2.0/24", "224.0.0.0/4"),
            r"scope\.toml:2: networks\[1\]: .*not the address of a host",
        ),
        (GOOD.replace("max_rate", "max_speed"), r'scope\.toml:7: unknown key "max_speed"'),
        (GOOD.replace("= 500", "= 0"), r"scope\.toml:7: max_rate: .*greater than 0"),
        (GOOD.replace('["192.0.2.0/24", "2001:db8::/64"]', "[]"), r"scope\.toml:2: networks: "),
        (GOOD.replace("owner", "# owner"), r"scope\.toml: owner: is missing"),
        (GOOD.replace("500", "5 0 0"), r"scope\.toml:7: is not TOML"),
        (GOOD.encode() + b"\nx = '\xff'", r"scope\.toml:9: is not UTF-8"),
        (GOOD + "# \0", r"scope\.toml:8: holds a NUL byte"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, text: str | bytes, complaint: str) -> None:
    with pytest.raises(InvalidInput, match=complaint) as caught:
        read_scope(write(tmp_path, text))
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"nowhere\.toml: cannot be read: no such file"):
        read_scope(tmp_path / "nowhere.toml")


def test_a_permission_without_end_may_be_written_as_the_last_day_there_is(tmp_path: Path) -> None:
    scope = read_scope(write(tmp_path, GOOD.replace("2026-12-31", "9999-12-31")))
    assert not scope.invalid_at(datetime(2999, 1, 1, tzinfo=UTC))


def test_bom_and_crlf_are_accepted(tmp_path: Path) -> None:
    text = b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode()
    assert read_scope(write(tmp_path, text)).name == "office"
