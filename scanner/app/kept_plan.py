"""Compares a stored plan with the words it was made of: what they leave out is not probed, whatever a history says.

A history is a file, and a file can be changed. The scope is asked again before a sweep goes on (`resume.py`); here the
plan may hold no address and no port that an exclusion names, and none that the targets do not name. Names are not
looked up again, because their addresses may have changed since; those of the targets are kept beside the plan. Lists
that are no file any more (standard input, a shell's `<(...)`) cannot be asked.
"""

from collections.abc import Iterable
from pathlib import Path

from scanner.app.judging import Judging
from scanner.app.options import FilePath, ScanOptions, words_of
from scanner.app.planning import excluded_ports
from scanner.app.prepare import understand
from scanner.app.saved_options import KeptSettings
from scanner.core.errors import InvalidInput
from scanner.core.plan.plan import Plan
from scanner.core.targets.ports import PortSet
from scanner.core.targets.ranges import address_span, first_outside, intersect, merge
from scanner.core.targets.targets import Word
from scanner.files.words import file_words

_CURE = "the history was changed; start a new sweep"


def check_kept_plan(plan: Plan, kept: KeptSettings, judging: Judging) -> None:
    """Refuse a plan that its own words do not allow.

    Raises:
        InvalidInput: with the first run of addresses, or the first port, that is too many.
    """
    options = kept.options
    taken, _ = understand(
        [*words_of(options.exclude, "--exclude", split=","), *_listed(options.exclude_files)], excluded=True
    )
    if excluded := intersect(plan.targets.ranges, merge(taken)):
        raise InvalidInput(f"the stored plan holds {excluded[0]}, which is excluded", where="--exclude", cure=_CURE)
    if not options.target_files:
        _check_named(plan, kept)
    _check_ports(plan, options, judging)


def _check_named(plan: Plan, kept: KeptSettings) -> None:
    named, _ = understand(words_of(kept.options.targets, "TARGET"))
    cover = merge([*named, *map(address_span, kept.hostnames)])
    if (stray := first_outside(plan.targets.ranges, cover)) is not None:
        raise InvalidInput(f"the stored plan holds {stray}, which is no target", where="TARGET", cure=_CURE)


def _check_ports(plan: Plan, options: ScanOptions, judging: Judging) -> None:
    never, planned = excluded_ports(options, judging), PortSet(plan.ports, plan.udp_ports)
    if len(allowed := planned - never) < len(planned):
        first = next(iter({*planned.tcp} - {*allowed.tcp} or {*planned.udp} - {*allowed.udp}))
        raise InvalidInput(
            f"the stored plan holds port {first}, which is excluded", where="--exclude-ports", cure=_CURE
        )


def _listed(files: Iterable[FilePath]) -> Iterable[Word]:
    return (word for name in files if Path(name).is_file() for word in file_words(str(name)))
