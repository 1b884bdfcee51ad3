"""`scanner demo`: a first minute with something to see, on any machine, without touching any other."""

import sys
from textwrap import wrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scanner.app.demo import Garden

_WIDTH = 78

_NEXT = """\
What to do next
  scanner port {port}                      everything known about a port
  scanner rule open-unassigned           why a rule speaks, and what to do
  scanner listening                      what listens here, by process
  scanner scan localhost                 scan this machine
  scanner scan 192.168.1.0/24 --dry-run  your network: see what would be probed
  scanner policy draft                   after a scan: note what is wanted, so
                                         that only the rest is reported
Scan only what you own or have permission to test.

The listeners are gone, and nothing was kept."""


def demo_command() -> int:
    """Show what a scan finds: open a few harmless ports on loopback, scan them, explain them, close them."""
    from scanner.app.assembly import make_job
    from scanner.app.demo import planted
    from scanner.app.exit_status import ExitStatus, FailOn
    from scanner.app.options import ScanOptions
    from scanner.app.planning import plan_sweep
    from scanner.cli.run import run_job
    from scanner.cli.screen import screen_outputs
    from scanner.cli.streams import warn
    from scanner.engines.choose import EngineName
    from scanner.registry.overlays import bundled_overlays
    from scanner.registry.source import load_registry

    with planted(load_registry(), bundled_overlays()) as garden:
        _say(_opening(garden))
        options = ScanOptions(
            targets=(garden.address,),
            ports=(",".join(str(plant.port) for plant in garden.plants),),
            engine=EngineName.CONNECT,
            identify=True,
            no_history=True,
            fail_on=FailOn.NONE,
        )
        planned = plan_sweep(options, warn=warn)
        status = run_job(make_job(planned, warn=warn, screen=screen_outputs(options)), quiet=False).status
    if status in (ExitStatus.CLEAN, ExitStatus.INCOMPLETE):
        _say(_explanation(garden))
    return status


def _opening(garden: "Garden") -> str:
    count, address = len(garden.plants), garden.address
    return f"{count} harmless listeners are up on {address}. Nothing leaves this machine.\n"


def _explanation(garden: "Garden") -> str:
    from scanner.app.demo import FOLKLORE
    from scanner.core.sanitise import sanitise

    lines = ["", "What you see"]
    for plant in garden.plants:
        label = f"  {plant.port:>5}/tcp  "
        lines += wrap(label + sanitise(plant.lesson), _WIDTH, subsequent_indent=" " * len(label))
    return "\n".join([*lines, "", _NEXT.format(port=FOLKLORE)])


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
