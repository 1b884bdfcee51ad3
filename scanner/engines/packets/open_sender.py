"""The fastest sender that works on an interface: AF_XDP where it does, else a packet socket."""

from scanner.core.errors import os_problem
from scanner.engines.choose import Wire
from scanner.engines.packets.af_xdp import xdp_sender
from scanner.engines.packets.sendmmsg import Sender, packet_sender


def open_sender(interface: str, wire: Wire) -> tuple[Sender, str]:
    """Open a sender of whole frames through an interface.

    Returns:
        the sender, and why it is not the faster one; "" where there is nothing to explain.

    Raises:
        NotPermitted: this process may not open packet sockets.
        OSError: no such interface; or AF_XDP was demanded and does not work.
    """
    if wire is Wire.SENDMMSG:
        return packet_sender(interface), ""
    try:
        return xdp_sender(interface), ""
    except OSError as error:
        if wire is Wire.AF_XDP:
            raise
        return packet_sender(interface), f"AF_XDP does not work on {interface} ({os_problem(error)})"
