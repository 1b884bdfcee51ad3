"""`scanner scan --iflist`: how this machine is connected, as `-e` and the SYN engine see it."""

import sys
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from scanner.engines.routing.netlink import Link
    from scanner.engines.routing.routes import Interfaces


def show_interfaces(*, wanted: bool) -> None:
    """Write interfaces and routes to standard output and exit, if `wanted`."""
    if not wanted:
        return
    from scanner.core.errors import NotPermitted, os_problem
    from scanner.engines.routing.routes import interfaces

    if not sys.platform.startswith("linux"):
        raise NotPermitted("--iflist works on Linux only")
    try:
        found = interfaces()
    except OSError as error:
        raise NotPermitted(f"--iflist cannot read the kernel's routes: {os_problem(error)}") from error
    sys.stdout.writelines(f"{line}\n" for line in _lines(found))
    raise typer.Exit


def _lines(found: "Interfaces") -> list[str]:
    names = {link.index: link.name for link in found.links}
    width = max(map(len, names.values()), default=0)
    lines = ["Interfaces:"]
    for link in found.links:
        addresses = " ".join(f"{a.address}/{a.prefix}" for a in found.addresses if a.link == link.index)
        lines.append(
            f"  {link.name:<{width}}  {_kind(link):<10}  {'up' if link.up else 'down':<4}  {addresses}".rstrip()
        )
    lines.append("Routes:")
    for route in found.routes:
        by = f"via {route.gateway} " if route.gateway else ""
        lines.append(f"  {route.destination}/{route.prefix} {by}dev {names.get(route.link, '?')}")
    return lines


def _kind(link: "Link") -> str:
    return link.medium.name.lower() if link.medium else "unknown"
