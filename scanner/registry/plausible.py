"""Whether a registry file can be believed: one judgement for `--registry FILE` and for `registry update`.

IANA adds assignments and hardly ever takes one away. A file that lacks many of them is cut, filtered or something
else, and judging by it would call assigned ports unassigned.
"""

from scanner.core.errors import RegistryUnusable
from scanner.core.registry.changes import Changes

MOST_LOST = 0.05
"""Maximum share of the known assignments that a file may lack."""


def check_plausible(found: Changes, source: str, *, force: str) -> None:
    """Refuse a file that lacks too many assignments; `force` says how to use it all the same.

    Raises:
        RegistryUnusable: more than `MOST_LOST` are missing.
    """
    if found.lost > MOST_LOST:
        raise RegistryUnusable(
            f"{source}: lacks {len(found.removed)} of {found.before} assignments ({found.lost:.0%}); {force}"
        )
