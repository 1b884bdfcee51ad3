"""The time zone of this machine, with its rules: a day in a file ends at midnight here, in summer and in winter.

`datetime.now().astimezone()` knows only the offset of today. The zone's own name is taken from TZ or from where
/etc/localtime points (localtime(5)), so that it can be named; without either the present offset is used.
"""

import os
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

LOCALTIME = Path("/etc/localtime")
"""Where the system keeps its zone (localtime(5))."""


def local_zone() -> tzinfo:
    """Return the zone of this machine; its text is the name, `Pacific/Auckland`."""
    wanted = os.environ.get("TZ")
    if wanted == "":
        return UTC  # tzset(3)
    try:
        return _named(wanted.removeprefix(":")) if wanted else _from_file(LOCALTIME)
    except (OSError, ValueError, KeyError):  # no such file, no such zone
        return _present_offset()


def _named(name: str) -> tzinfo:
    return _from_file(Path(name)) if name.startswith("/") else ZoneInfo(name)


def _from_file(path: Path) -> tzinfo:
    name = str(path.resolve()).partition("zoneinfo/")[2].removeprefix("posix/")
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        with path.open("rb") as file:
            return ZoneInfo.from_file(file, key=name or "local")


def _present_offset() -> tzinfo:
    return datetime.now().astimezone().tzinfo or UTC
