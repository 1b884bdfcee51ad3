"""Which ports come first: those most often open, so that most of what there is to find is found early.

The classes, likeliest first: the ranked ports (`data/top-ports.csv`), the default ports, the ports that the registry
assigns, the rest. They depend on nothing but the plan and the registry, so that shards on several machines, and a sweep
with the same seed a week later, keep one order.
"""

from collections.abc import Iterator
from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scanner.core.plan.plan import Plan
    from scanner.core.registry.registry import Registry


class PortOrder(StrEnum):
    """The words of `--order`."""

    LIKELY = "likely"
    """Class by class, at random within each."""
    RANDOM = "random"
    """All endpoints at random."""


_TOP = (20, 100)


def in_order(plan: "Plan", order: PortOrder, registry: "Registry") -> "Plan":
    """Return the plan with its endpoints in that order. UDP ports come last: they wait for ICMP anyway."""
    if order is PortOrder.RANDOM or plan.ports_per_address == 1:
        return plan
    from scanner.core.plan.likely_order import classes_of

    classes = classes_of(plan.ports, *_likely(registry)) if plan.ports else ()
    udp = tuple(range(len(plan.ports), plan.ports_per_address))
    classes = (*classes, udp) if udp else classes
    return replace(plan, classes=classes) if len(classes) > 1 else plan


def _likely(registry: "Registry") -> Iterator[tuple[int, ...]]:
    from scanner.core.model import RegistryStatus, Transport
    from scanner.registry.common_ports import default_tcp_ports, top_ports

    yield from map(top_ports, _TOP)
    yield default_tcp_ports()
    yield registry.ports_with_status(Transport.TCP, RegistryStatus.ASSIGNED)
