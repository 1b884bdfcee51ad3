"""What a sweep by SYN is made of, and how the parts are put together."""

import os
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from scanner.core.errors import InvalidInput, os_problem
from scanner.core.packets.cookie import KEY_BYTES
from scanner.core.path.effort import Effort
from scanner.core.path.retries import MOST
from scanner.core.path.watch import TICKETS, Watch
from scanner.core.rate.budget import Budget
from scanner.core.rate.pacing import Pacing
from scanner.engines.packets.sendmmsg import Sender
from scanner.engines.routing.routes import Route
from scanner.engines.syn.canaries import CanarySender
from scanner.engines.syn.frames import FrameSender
from scanner.engines.syn.intake import Intake
from scanner.engines.syn.listener import AnswerListener, Keep
from scanner.engines.syn.options import Permitted, SynOptions
from scanner.engines.syn.settling import WaveSettler
from scanner.engines.syn.slots import Slots
from scanner.engines.syn.source_ports import choose_ports
from scanner.engines.syn.transmitter import Transmitter
from scanner.engines.syn.ways import SynWays

MOST_SLOTS = 512
"""Maximum number of waves in flight: many, for those of which `--discover` leaves but a few endpoints."""
MOST_PORTS = 6144
"""Maximum number of source ports of waves: so many in a row are free on most machines."""


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of one sweep."""

    ways: SynWays
    """Routes, next hops and links."""
    listener: AnswerListener
    """The receiving half."""
    budget: Budget
    """What may be sent."""
    watch: Watch
    """Who is silent."""
    effort: Effort
    """Who must be asked again."""
    frames: FrameSender
    """Makes and sends frames."""
    transmitter: Transmitter
    """Sends the probes of waves."""
    canaries: CanarySender
    """Sends canaries."""
    slots: Slots
    """The waves in flight."""
    settler: WaveSettler
    """Says when they are done."""
    intake: Intake
    """Takes answers in."""
    lost: dict[str, None] = field(default_factory=dict)
    """Who fell silent and was given up, in words, each once."""

    def close(self) -> None:
        """Close every socket."""
        for each in (self.listener, self.frames, self.ways):
            each.close()


def assemble(
    options: SynOptions,
    pacing: Pacing,
    permitted: Permitted,
    *,
    open_sender: Callable[[Route], Sender],
    keep: Keep | None,
) -> Parts:
    """Put a sweep together, in the namespace that it scans.

    Raises:
        NotPermitted, InvalidInput, OSError: as the kernel has it.
    """
    key = os.urandom(KEY_BYTES)
    passes = options.attempts or MOST
    slots = Slots(min(MOST_SLOTS, MOST_PORTS // passes))
    ports = choose_ports(slots.free, passes, TICKETS, pick=random.SystemRandom().randrange)
    ways = SynWays(options.interface)
    budget, watch = Budget(pacing), Watch(time.monotonic())
    effort = Effort(watch, attempts=options.attempts, planned=options.planned)
    frames = FrameSender(
        routes=ways.routes, hops=ways.hops, key=key, permitted=permitted, open_sender=_opening(open_sender)
    )
    transmitter = Transmitter(
        frames, routes=ways.routes, hops=ways.hops, ports=ports, states=ways.states, budget=budget, watch=watch
    )
    canaries = CanarySender(frames, watch=watch, budget=budget, ports=ports, hops=ways.hops, hop_of=ways.hops_of)
    path_of = transmitter.path_of
    settler = WaveSettler(
        watch, effort, spacing=options.spacing, cooldown=options.cooldown, path_of=path_of, evidence=canaries.evidence
    )
    intake = Intake(slots, ports, watch=watch, budget=budget, canaries=canaries, path_of=path_of)
    listener = AnswerListener(ports, key, keep=keep)
    return Parts(
        ways=ways,
        listener=listener,
        budget=budget,
        watch=watch,
        effort=effort,
        frames=frames,
        transmitter=transmitter,
        canaries=canaries,
        slots=slots,
        settler=settler,
        intake=intake,
    )


def _opening(open_sender: Callable[[Route], Sender]) -> Callable[[Route], Sender]:
    """Turn a problem with an interface into one line."""

    def open_or_say(route: Route) -> Sender:
        try:
            return open_sender(route)
        except OSError as error:
            problem = f"interface {route.link.name} cannot be used for SYNs ({os_problem(error)})"
            raise InvalidInput(problem, cure="try --wire sendmmsg or --engine connect") from error

    return open_or_say
