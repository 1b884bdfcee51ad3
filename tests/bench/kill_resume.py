"""Kill a sweep at random moments and resume it until it ends; compare with one that nobody interrupted.

    python tests/bench/kill_resume.py --kills 100

The sweep is the command line's own (assembly, memory, outputs, resume) on the fake engine: 100,000 endpoints in
waves of 256. Each attempt is a forked child that is sent SIGKILL after a random time, counted from the moment at
which it begins, so that kills fall before the first wave, into transactions, between waves and into the writing of
the CSV. Prints the figures, and ends with status 1 if a row was lost, doubled or changed.
"""

import argparse
import csv
import os
import random
import select
import signal
import sqlite3
import sys
import tempfile
import time
import traceback
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from scanner.app.assembly import make_job
from scanner.app.options import ScanOptions
from scanner.app.planning import plan_sweep
from scanner.app.resume import interrupted_sweep
from scanner.app.sweep_history import open_store
from scanner.cli.run import run_job
from scanner.cli.streams import warn
from scanner.core.errors import HistoryUnusable
from scanner.core.plan.reasons import Reason, reason_code
from scanner.core.plan.wave import Wave
from scanner.engines.fake import FakeEngine
from scanner.history.store import Store
from scanner.outputs.formats import OutputRequest

TARGETS, PORTS, WAVE_SIZE = "127.1.0.0/24", "1-400", 256
SECONDS_A_WAVE = 0.002
TIMES = ("at", "rtt_us", "first_seen", "last_seen", "observed_at", "sweep_id", "rtt_ms")


def answers(wave: Wave) -> npt.NDArray[np.uint16]:
    """The same world every time: about one endpoint in twenty is open, the others are closed or silent."""
    time.sleep(SECONDS_A_WAVE)
    turn = (wave.low * np.uint64(2654435761) + wave.port * np.uint64(40503)) % np.uint64(20)
    closed = np.where(turn < 12, reason_code(Reason.RESET), reason_code(Reason.NO_RESPONSE))
    return np.where(turn == 0, reason_code(Reason.SYN_ACK), closed).astype(np.uint16)


class FakeConnect(FakeEngine):
    """Goes by the name of an engine that the command line knows."""

    name = "connect"


def attempt(folder: Path) -> int:
    """Begin the sweep, or go on with it."""
    history = folder / "history.db"
    try:
        store = open_store(history)
        stored = next((sweep for sweep in store.sweeps() if store.unfinished(sweep)), None)
    except HistoryUnusable:
        stored = None
    if stored is not None:
        interrupted = interrupted_sweep(store, stored)
        again = interrupted.planned(replace(interrupted.options, engine=FakeConnect(answers)), warn=warn)
        return run_job(make_job(again, warn=warn, interrupted=interrupted), quiet=True).status
    options = ScanOptions(
        targets=TARGETS,
        ports=PORTS,
        seed=11,
        history=history,
        engine=FakeConnect(answers),
        outputs=(OutputRequest("csv", str(folder / "findings.csv")),),
    )
    first = plan_sweep(options, warn=warn)
    plan = replace(first.prepared.plan, wave_size=WAVE_SIZE)
    first = replace(first, prepared=replace(first.prepared, plan=plan))
    return run_job(make_job(first, warn=warn), quiet=True).status


def child(folder: Path, ready: int) -> None:
    """A process that sweeps; tells when it begins."""
    os.write(ready, b".")
    status = 2
    try:
        status = attempt(folder)
    except Exception:  # noqa: BLE001 - a forked child must not return into its parent's code
        traceback.print_exc()
    finally:
        os._exit(status)


def run(folder: Path, kills: int, seed: int) -> tuple[int, float]:
    """Kill and resume until the sweep ends by itself, which it may from `kills` kills on. (killed, seconds)."""
    folder.mkdir(exist_ok=True)
    moments, killed, began = random.Random(seed), 0, time.monotonic()
    while True:
        reading, writing = os.pipe()
        if not (pid := os.fork()):
            child(folder, writing)
        os.close(writing)
        select.select([reading], [], [])
        if killed < kills:
            time.sleep(moments.uniform(0, 0.25))
            os.kill(pid, signal.SIGKILL)
        _, ended = os.waitpid(pid, 0)
        os.close(reading)
        if os.WIFSIGNALED(ended):
            killed += 1
        elif os.waitstatus_to_exitcode(ended) not in (0, 1):
            sys.exit(f"an attempt ended with {os.waitstatus_to_exitcode(ended)}")
        else:
            return killed, time.monotonic() - began


def rows(folder: Path) -> dict[str, list[tuple[object, ...]]]:
    """Everything that was stored and written, without what differs between any two runs: moments and ids."""
    connection = sqlite3.connect(folder / "history.db")
    words = dict(connection.execute("SELECT number, text FROM word"))
    in_words = {"state", "reason", "rule", "verdict", "registry_status", "service", "detail", "policy_entry"}
    found: dict[str, list[tuple[object, ...]]] = {}
    for table in ("wave", "observation", "finding", "known"):
        cursor = connection.execute(f"SELECT * FROM {table}")
        names = [column[0] for column in cursor.description]
        keep = [(k, name) for k, name in enumerate(names) if name not in TIMES]
        found[table] = sorted(
            tuple(words.get(row[k]) if name in in_words and table != "wave" else row[k] for k, name in keep)
            for row in cursor
        )
    store = Store(open_store(folder / "history.db").database)
    (sweep,) = store.sweeps()
    assert sweep.summary is not None
    summary = sweep.summary
    found["summary"] = [(summary.coverage, sorted(summary.reasons.items()), sorted(summary.findings.items()))]
    with (folder / "findings.csv").open(newline="") as file:
        found["csv"] = sorted(tuple(v for k, v in row.items() if k not in TIMES) for row in csv.DictReader(file))
    return found


def main() -> None:
    """Run both and compare."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _, calm = run(folder / "calm", 0, asked.seed)
        expected = rows(folder / "calm")
        killed, sweeps, torn = 0, 0, 0.0
        while killed < asked.kills:
            here = folder / f"torn{sweeps}"
            more, seconds = run(here, min(asked.kills - killed, 12), asked.seed + sweeps)
            killed, sweeps, torn = killed + more, sweeps + 1, torn + seconds
            got = rows(here)
            for what, right in expected.items():
                if got[what] != right:
                    sys.exit(f"{what}: {len(right)} rows expected, {len(got[what])} there, or others")
    counts = {what: len(found) for what, found in expected.items()}
    print(f"killed {killed} times in {sweeps} sweeps, {torn:.1f} s; one sweep in peace {calm:.1f} s")
    print(f"every sweep ended with the same rows as in peace: {counts}")


if __name__ == "__main__":
    main()
