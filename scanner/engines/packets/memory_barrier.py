"""Keep the order of reads and writes of memory that the kernel shares with us.

A ring works because the word that says "ready" is seen after what it announces, and handed back after that was read.
x86-64 shows stores, and performs loads, in program order; other machines may not, and Python has no fence. There the
system call `membarrier` is one: with MEMBARRIER_CMD_GLOBAL_EXPEDITED it begins and ends with a full barrier for the
caller, whichever processes are registered (kernel/sched/membarrier.c). Once per batch, its microsecond is not felt.
"""

import platform
from collections.abc import Callable
from typing import Final

from scanner.core.errors import InvalidInput
from scanner.engines.packets.sendmmsg import libc

_GLOBAL_EXPEDITED: Final = 2
_ORDERED: Final = frozenset({"x86_64", "AMD64", "s390x"})
_SYSTEM_CALL: Final = {"aarch64": 283, "riscv64": 283, "loongarch64": 283, "ppc64le": 365}
"""The number of `membarrier` on machines that reorder."""


def fence(machine: str = "") -> Callable[[], object]:
    """Return a function to call between a "ready" word and what it guards; it does nothing where machines keep order.

    Raises:
        InvalidInput: nothing is known of this machine (`machine`, by default the one we run on).
    """
    machine = machine or platform.machine()
    if machine in _ORDERED:
        return _nothing
    if machine not in _SYSTEM_CALL:
        raise InvalidInput(
            f"the memory order of {machine} is unknown to this program", cure="use --engine connect or --engine scapy"
        )
    call, number = libc().syscall, _SYSTEM_CALL[machine]
    return lambda: call(number, _GLOBAL_EXPEDITED, 0, 0)


def _nothing() -> None:
    """Do nothing: order is kept anyway."""
