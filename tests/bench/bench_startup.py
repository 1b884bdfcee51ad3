"""What start-up costs: commands that should feel instant, as ratios to importing typer alone.

    python tests/bench/bench_startup.py [RUNS]

Each command is run in turn, so that a busy machine slows all of them alike; medians are compared.
"""

import resource
import subprocess
import sys
import time
from statistics import median

MODULE = (sys.executable, "-m", "scanner")
COMMANDS = {
    'python -c "import typer"': (sys.executable, "-c", "import typer"),
    "scanner --help": (*MODULE, "--help"),
    "scanner port 22": (*MODULE, "port", "22"),
    "scanner rule open-unassigned": (*MODULE, "rule", "open-unassigned"),
    "scanner scan 10.0.0.0/8 -p- --dry-run": (*MODULE, "scan", "10.0.0.0/8", "-p-", "--dry-run"),
}


def main(runs: int) -> None:
    """Time every command, and print medians and ratios."""
    seconds: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(runs):
        for name, command in COMMANDS.items():
            begun = time.perf_counter()
            subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
            seconds[name].append(time.perf_counter() - begun)
    least, *_ = (median(taken) for taken in seconds.values())
    for name, taken in seconds.items():
        print(f"{name:<40} {median(taken) * 1000:6.0f} ms   {median(taken) / least:4.1f} times")
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    print(f"largest of them: {peak / 1024:.0f} MB")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 11)
