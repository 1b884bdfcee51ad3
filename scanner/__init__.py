"""Find the open ports that nobody can explain.

The names below are the library. They are imported when first used, so that `import scanner` costs nothing.
"""

from typing import TYPE_CHECKING, Any

from scanner.version import __version__

if TYPE_CHECKING:
    from scanner.api import ScanStream, plan, scan, scan_sync, stream, stream_sync
    from scanner.app.exit_status import ExitStatus, FailOn
    from scanner.app.judging import Judging, judge_for, read_judging
    from scanner.app.load_scan import load_scan
    from scanner.app.options import ScanOptions
    from scanner.app.planning import PlannedSweep
    from scanner.app.reclassify import Reclassification, reclassify
    from scanner.app.result import ScanResult
    from scanner.config.policy import read_policy
    from scanner.config.scope import read_scope
    from scanner.core.diff import Because, Change, Difference
    from scanner.core.errors import HistoryUnusable, InvalidInput, NotCovered, NotPermitted, OutOfScope, ScannerError
    from scanner.core.model import (
        Coverage,
        Endpoint,
        Finding,
        Judged,
        Observation,
        RegistryStatus,
        Severity,
        State,
        Transport,
        Verdict,
    )
    from scanner.core.plan.plan import Plan, Shard
    from scanner.core.policy.policy import Policy
    from scanner.core.rate.limits import UNLIMITED, Limits
    from scanner.core.registry.overlays import Overlays
    from scanner.core.registry.registry import Registry
    from scanner.core.report import Summary, SweepInfo
    from scanner.core.rules.classify import RULES, Judge
    from scanner.core.rules.rule import Case, Rule
    from scanner.core.targets.scope import Scope
    from scanner.core.targets.targets import TargetSet, Word
    from scanner.engines.choose import EngineName
    from scanner.engines.fake import FakeEngine
    from scanner.engines.interface import Engine
    from scanner.history.compare import Comparison, compare_sweeps
    from scanner.history.overlap import Overlap
    from scanner.history.store import Store, open_history
    from scanner.history.stored import StoredSweep, StoredWave
    from scanner.listening import ListeningReport, ListeningSocket, listening_report
    from scanner.outputs.formats import FORMATS, OutputRequest
    from scanner.outputs.interface import Output
    from scanner.registry.source import load_registry

_HOMES = {
    "scanner.api": ("ScanStream", "plan", "scan", "scan_sync", "stream", "stream_sync"),
    "scanner.app.exit_status": ("ExitStatus", "FailOn"),
    "scanner.app.judging": ("Judging", "judge_for", "read_judging"),
    "scanner.app.load_scan": ("load_scan",),
    "scanner.app.options": ("ScanOptions",),
    "scanner.app.planning": ("PlannedSweep",),
    "scanner.app.reclassify": ("Reclassification", "reclassify"),
    "scanner.app.result": ("ScanResult",),
    "scanner.config.policy": ("read_policy",),
    "scanner.config.scope": ("read_scope",),
    "scanner.core.diff": ("Because", "Change", "Difference"),
    "scanner.core.errors": (
        "HistoryUnusable",
        "InvalidInput",
        "NotCovered",
        "NotPermitted",
        "OutOfScope",
        "ScannerError",
    ),
    "scanner.core.model": (
        "Coverage",
        "Endpoint",
        "Finding",
        "Judged",
        "Observation",
        "RegistryStatus",
        "Severity",
        "State",
        "Transport",
        "Verdict",
    ),
    "scanner.core.plan.plan": ("Plan", "Shard"),
    "scanner.core.policy.policy": ("Policy",),
    "scanner.core.rate.limits": ("Limits", "UNLIMITED"),
    "scanner.core.registry.overlays": ("Overlays",),
    "scanner.core.registry.registry": ("Registry",),
    "scanner.core.report": ("Summary", "SweepInfo"),
    "scanner.core.rules.classify": ("Judge", "RULES"),
    "scanner.core.rules.rule": ("Case", "Rule"),
    "scanner.core.targets.scope": ("Scope",),
    "scanner.core.targets.targets": ("TargetSet", "Word"),
    "scanner.engines.choose": ("EngineName",),
    "scanner.engines.fake": ("FakeEngine",),
    "scanner.engines.interface": ("Engine",),
    "scanner.history.compare": ("Comparison", "compare_sweeps"),
    "scanner.history.overlap": ("Overlap",),
    "scanner.history.store": ("Store", "open_history"),
    "scanner.history.stored": ("StoredSweep", "StoredWave"),
    "scanner.listening": ("ListeningReport", "ListeningSocket", "listening_report"),
    "scanner.outputs.formats": ("FORMATS", "OutputRequest"),
    "scanner.outputs.interface": ("Output",),
    "scanner.registry.source": ("load_registry",),
}
"""From a module to the public names that live in it."""

__all__ = [
    "FORMATS",
    "RULES",
    "UNLIMITED",
    "Because",
    "Case",
    "Change",
    "Comparison",
    "Coverage",
    "Difference",
    "Endpoint",
    "Engine",
    "EngineName",
    "ExitStatus",
    "FailOn",
    "FakeEngine",
    "Finding",
    "HistoryUnusable",
    "InvalidInput",
    "Judge",
    "Judged",
    "Judging",
    "Limits",
    "ListeningReport",
    "ListeningSocket",
    "NotCovered",
    "NotPermitted",
    "Observation",
    "OutOfScope",
    "Output",
    "OutputRequest",
    "Overlap",
    "Overlays",
    "Plan",
    "PlannedSweep",
    "Policy",
    "Reclassification",
    "Registry",
    "RegistryStatus",
    "Rule",
    "ScanOptions",
    "ScanResult",
    "ScanStream",
    "ScannerError",
    "Scope",
    "Severity",
    "Shard",
    "State",
    "Store",
    "StoredSweep",
    "StoredWave",
    "Summary",
    "SweepInfo",
    "TargetSet",
    "Transport",
    "Verdict",
    "Word",
    "__version__",
    "compare_sweeps",
    "judge_for",
    "listening_report",
    "load_registry",
    "load_scan",
    "open_history",
    "plan",
    "read_judging",
    "read_policy",
    "read_scope",
    "reclassify",
    "scan",
    "scan_sync",
    "stream",
    "stream_sync",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used (PEP 562)."""
    from importlib import import_module

    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(home), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
