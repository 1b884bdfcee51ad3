"""From a planned sweep to a job: the one place where engine, judge, history and outputs are put together.

Both fronts and `scanner resume` come through `make_job`; nothing else builds a sweep.
"""

import secrets
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from scanner.app.engine import ChosenEngine, make_engine
from scanner.app.identification import conversation_settings, make_identifier, make_screen
from scanner.app.job import Job
from scanner.app.judging import judge_for
from scanner.app.options import ScanOptions, shown_words
from scanner.app.permission import permission_of
from scanner.app.planning import PlannedSweep
from scanner.app.rate_split import UNTESTED
from scanner.app.saved_options import saved_settings
from scanner.app.sweep import Asked, Earlier, Sweep
from scanner.core.errors import Warn
from scanner.core.model import Address, Transport
from scanner.core.policy.required import required_places
from scanner.core.registry.registry import Registry
from scanner.core.report import SweepInfo
from scanner.outputs.fan_out import FanOut
from scanner.outputs.formats import FormatOptions, check_collisions, make_outputs
from scanner.outputs.interface import Output
from scanner.version import __version__

if TYPE_CHECKING:
    from scanner.app.resume import InterruptedSweep
    from scanner.app.sweep_history import SweepHistory

LONGEST_WORDS = 200
"""Characters of the user's words that a report repeats."""


def make_job(
    planned: PlannedSweep,
    *,
    warn: Warn,
    screen: Sequence[Output] = (),
    interrupted: "InterruptedSweep | None" = None,
) -> Job:
    """Put a sweep together; nothing is sent or written yet.

    `screen` are outputs that a front shows besides those that the options name; `interrupted` is the sweep that
    this one goes on with.

    Raises:
        InvalidInput: two outputs go to one place, or something that judges is not what it was.
        NotPermitted: the engine was named, and this process has not the right to use it.
    """
    outputs = [*outputs_of(planned), *planned.options.sinks, *screen]
    chosen = make_engine(planned, _required(planned))
    info = interrupted.info(planned) if interrupted else sweep_info(planned, chosen)
    history = _history(planned, warn, interrupted)
    return Job(
        info=info,
        sweep=_sweep(planned, chosen, history, interrupted.earlier if interrupted else None),
        output=FanOut(outputs),
        fail_on=planned.options.fail_on,
        only_new=planned.options.fail_on_new,
        history=history,
        settings=saved_settings(planned.options, planned.prepared) if history else {},
        found_earlier=interrupted.found() if interrupted else (),
        permission=permission_of(planned.scope),
    )


def outputs_of(planned: PlannedSweep) -> list[Output]:
    """Return the outputs that options name. Raises InvalidInput where two of them go to one place."""
    options = planned.options
    check_collisions(options.outputs)
    return make_outputs(options.outputs, format_options(options, planned.judging.registry))


def format_options(options: ScanOptions, registry: Registry) -> FormatOptions:
    """Return the choices that change what formats write."""
    return FormatOptions(
        all_open=options.all_open,
        per_endpoint=options.per_endpoint,
        statuses=lambda: registry.status_codes(Transport.TCP),
    )


def sweep_info(planned: PlannedSweep, chosen: ChosenEngine) -> SweepInfo:
    """Return what is said about a sweep before it starts, under a new id."""
    options, plan, judging = planned.options, planned.prepared.plan, planned.judging
    files = (f"-iL {name}" for name in options.target_files)
    return SweepInfo(
        sweep_id=new_sweep_id(planned.started),
        started=planned.started,
        version=__version__,
        targets=shortened([*shown_words(options.targets), *files]),
        ports=shortened(shown_words(options.ports)) or "default",
        addresses=plan.targets.size,
        ports_per_address=plan.ports_per_address,
        engine=chosen.engine.name,
        engine_why=chosen.why,
        seed=plan.seed,
        shard=str(plan.shard),
        registry=judging.registry.identity,
        policy=judging.policy.identity if judging.policy else "",
        scope=planned.scope.identity if planned.scope else "",
        hostnames=planned.prepared.resolved,
        udp_ports_per_address=len(plan.udp_ports),
    )


def new_sweep_id(started: datetime) -> str:
    """Return an id that sorts by time; `started` is in UTC."""
    return f"{started:%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"


def shortened(words: Sequence[str], most: int = LONGEST_WORDS) -> str:
    """Return words as one line of bounded length."""
    text = " ".join(words)
    return text if len(text) <= most else text[: most - 3] + "..."


def _history(planned: PlannedSweep, warn: Warn, interrupted: "InterruptedSweep | None") -> "SweepHistory | None":
    options = planned.options
    if interrupted is not None:
        return interrupted.history(warn)
    if options.no_history:
        return None
    from scanner.app.sweep_history import SweepHistory

    return SweepHistory(options.history, audit=options.audit, warn=warn)


def _sweep(
    planned: PlannedSweep, chosen: ChosenEngine, history: "SweepHistory | None", earlier: Earlier | None
) -> Sweep:
    prepared, judging, questions = planned.prepared, planned.judging, planned.split.questions
    talk = conversation_settings(questions, planned.options.timeout, _permitted(planned)) if questions else None
    sweep = Sweep(
        prepared.plan,
        chosen.engine,
        judge_for(judging),
        asked=_asked(planned, history),
        screen=make_screen(talk, len(prepared.plan.ports)) if talk else None,
        identifier=make_identifier(judging, talk) if talk and planned.options.identify else None,
        recorder=history,
        hostnames=prepared.hostnames,
        excluded=prepared.excluded,
        earlier=earlier,
    )
    sweep.notes += [UNTESTED] if planned.split.untested else []
    return sweep


def _permitted(planned: PlannedSweep) -> Callable[[Address], bool]:
    return planned.prepared.plan.targets.__contains__


def _required(planned: PlannedSweep) -> Asked | None:
    policy = planned.judging.policy
    return required_places(policy) if policy and policy.required_ports else None


def _asked(planned: PlannedSweep, history: "SweepHistory | None") -> Asked | None:
    """Return which endpoints are looked at by name: what the policy requires, and what was open the last time."""
    required = _required(planned)
    return history.asked(planned.prepared.plan, required) if history else required
