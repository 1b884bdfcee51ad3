"""Finds the open ports that nobody can explain.

The names below are the library. They are imported when first used, so that `import scanner` costs nothing.
"""

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from scanner.api import plan_for, scan
    from scanner.app.sweep import Sweep, WaveResult
    from scanner.config.policy import read_policy
    from scanner.config.scope import read_scope
    from scanner.core.errors import InvalidInput, OutOfScope, ScannerError
    from scanner.core.model import Coverage, Endpoint, Finding, Judged, Observation, Severity, State, Verdict
    from scanner.core.plan.plan import Plan, Shard
    from scanner.core.policy.policy import Policy
    from scanner.core.rate.limits import UNLIMITED, Limits
    from scanner.core.registry.registry import Registry
    from scanner.core.rules.classify import Judge
    from scanner.core.targets.scope import Scope
    from scanner.core.targets.targets import TargetSet

_HOMES = {
    "scanner.api": ("plan_for", "scan"),
    "scanner.core.errors": ("InvalidInput", "OutOfScope", "ScannerError"),
    "scanner.core.model": (
        "Coverage", "Endpoint", "Finding", "Judged", "Observation", "Severity", "State", "Verdict",
    ),
    "scanner.core.rate.limits": ("UNLIMITED", "Limits"),
    "scanner.core.plan.plan": ("Plan", "Shard"),
    "scanner.core.policy.policy": ("Policy",),
    "scanner.core.registry.registry": ("Registry",),
    "scanner.core.rules.classify": ("Judge",),
    "scanner.core.targets.scope": ("Scope",),
    "scanner.core.targets.targets": ("TargetSet",),
    "scanner.config.policy": ("read_policy",),
    "scanner.config.scope": ("read_scope",),
    "scanner.app.sweep": ("Sweep", "WaveResult"),
}  # fmt: skip

__all__ = [
    "UNLIMITED",
    "Coverage",
    "Endpoint",
    "Finding",
    "InvalidInput",
    "Judge",
    "Judged",
    "Limits",
    "Observation",
    "OutOfScope",
    "Plan",
    "Policy",
    "Registry",
    "ScannerError",
    "Scope",
    "Severity",
    "Shard",
    "State",
    "Sweep",
    "TargetSet",
    "Verdict",
    "WaveResult",
    "__version__",
    "plan_for",
    "read_policy",
    "read_scope",
    "scan",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for (PEP 562)."""
    from importlib import import_module

    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(home), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
