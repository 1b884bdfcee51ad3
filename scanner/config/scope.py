"""The scope file: which networks may be probed, who says so, until when and how fast.

    name = "Office audit 2026"
    networks = ["192.0.2.0/24", "2001:db8::/64"]
    owner = "Example Ltd, IT"
    authorisation = "letter of 2026-02-01, ref. 4711"
    valid_from = 2026-02-01
    valid_until = 2026-12-31
    max_rate = 1000

Dates without a time are whole local days: `valid_until` includes its day, to midnight where the scan runs. For an
end that is the same everywhere write a time with its offset: `valid_until = 2026-12-31T18:00:00+01:00`.
"""

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from scanner.config.local_zone import local_zone
from scanner.core.targets.ranges import intersect, merge, network_span
from scanner.core.targets.scope import CARRIES_IPV4, NEVER, Scope
from scanner.files.toml import NetworkText, NonEmptyText, read_toml


def _permissible(text: str) -> str:
    if never := intersect(merge([network_span(text)]), NEVER):
        what = "carries IPv4 in IPv6" if intersect(never, CARRIES_IPV4) else "is not the address of a host"
        raise ValueError(f"{text!r} holds {never[0]}, which {what}; leave it out")
    return text


class ScopeFile(BaseModel):
    """The keys of a scope file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field("", max_length=200)
    networks: Annotated[list[Annotated[NetworkText, AfterValidator(_permissible)]], Field(min_length=1)]
    owner: NonEmptyText
    authorisation: NonEmptyText
    valid_from: datetime | date | None = None
    valid_until: datetime | date
    max_rate: Annotated[float, Field(gt=0, strict=True, allow_inf_nan=False)] | None = None


def read_scope(path: Path, *, zone: tzinfo | None = None) -> Scope:
    """Read a scope file; `zone` is where its days are, by default the zone of this machine.

    Raises:
        InvalidInput: with file and line.
    """
    file = read_toml(path, ScopeFile)
    content = file.content
    zone = zone or local_zone()
    starts = _moment(content.valid_from, zone) if content.valid_from else None
    ends = _moment(content.valid_until, zone, whole_day=True)
    if starts and starts >= ends:
        raise file.wrong("ends before it begins", "valid_until")
    return Scope(
        name=content.name or path.name,
        spans=merge(network_span(text) for text in content.networks),
        owner=content.owner,
        authorisation=content.authorisation,
        valid_from=starts,
        valid_until=ends,
        max_rate=content.max_rate,
        sha256=file.sha256,
    )


def _moment(value: date, zone: tzinfo, *, whole_day: bool = False) -> datetime:
    """Return an aware moment; a bare date is its midnight in `zone`, or the end of that day."""
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=zone)
    if not whole_day:
        return datetime.combine(value, time(), zone)
    if value == date.max:
        return datetime.max.replace(tzinfo=UTC)
    return datetime.combine(value + timedelta(days=1), time(), zone)
