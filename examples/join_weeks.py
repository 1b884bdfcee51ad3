"""Compare the CSV of two weeks: what is new, what stayed, what went. Joined by `finding_id`.

    python join_weeks.py findings-2026-06-01.csv findings-2026-06-08.csv

`finding_id` is the same every week for the same address, port, transport and rule, so no other column is needed.
Columns are found by name: later versions may append some, and never change or move those that are there.
"""

import csv
import sys
from pathlib import Path


def findings(path: str) -> dict[str, dict[str, str]]:
    """The rows that someone should look at, by finding id."""
    with Path(path).open(newline="", encoding="utf-8") as file:
        return {row["finding_id"]: row for row in csv.DictReader(file) if row["verdict"] in ("unexpected", "missing")}


def line(row: dict[str, str]) -> str:
    """One finding in a line."""
    since = row["first_seen"][:10] or "an unknown day"
    return f"{row['address']}:{row['port']}/{row['transport']}  {row['severity']}  {row['rule']}  since {since}"


def main(before: str, after: str) -> None:
    """Print the three groups."""
    old, new = findings(before), findings(after)
    groups = {
        "new": [new[key] for key in new.keys() - old.keys()],
        "still there": [new[key] for key in new.keys() & old.keys()],
        "gone": [old[key] for key in old.keys() - new.keys()],
    }
    for name, rows in groups.items():
        print(f"{name}: {len(rows)}")
        for text in sorted(map(line, rows)):
            print(f"  {text}")


if __name__ == "__main__":
    main(*sys.argv[1:])
