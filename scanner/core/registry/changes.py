"""Differences between the assignments of two registries: what an update adds and what it loses."""

from dataclasses import dataclass

from scanner.core.model import PortKey
from scanner.core.registry.registry import Registry


@dataclass(frozen=True, slots=True)
class Changes:
    """Differences between the assignments of two registries."""

    before: int
    """Number of endpoints assigned before."""
    after: int
    """Number of endpoints assigned now."""
    added: tuple[PortKey, ...]
    """Assigned now and not before."""
    removed: tuple[PortKey, ...]
    """Assigned before and not now."""
    renamed: tuple[PortKey, ...]
    """Assigned in both, under other names."""

    @property
    def lost(self) -> float:
        """Return the share of the earlier assignments that is gone, 0 to 1."""
        return len(self.removed) / self.before if self.before else 0.0


def changes(before: Registry, after: Registry) -> Changes:
    """Return the differences between the assignments of two registries."""
    old, new = before.assignments, after.assignments
    return Changes(
        before=len(old),
        after=len(new),
        added=tuple(sorted(new.keys() - old.keys())),
        removed=tuple(sorted(old.keys() - new.keys())),
        renamed=tuple(sorted(key for key in old.keys() & new.keys() if set(old[key]) != set(new[key]))),
    )
