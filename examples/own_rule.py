"""Add a rule and an output of your own, and follow a scan while it runs.

python examples/own_rule.py [TARGET [PORTS]]
"""

import asyncio
import sys

import scanner

DATABASES = {3306: "MySQL", 5432: "PostgreSQL", 6379: "Redis", 27017: "MongoDB"}


def database(case: scanner.Case) -> str | None:
    """Return why an open database port needs attention."""
    seen = case.observation
    name = DATABASES.get(seen.endpoint.port) if seen.state is scanner.State.OPEN else None
    return f"the network reaches a port of {name}" if name else None


RULE = scanner.Rule(
    id="exposed-database",
    name="Database reachable",
    severity=scanner.Severity.HIGH,
    verdict=scanner.Verdict.UNEXPECTED,
    why="A database belongs behind the application that uses it.",
    action="Bind it to loopback, or admit only the application's address.",
    applies=database,
)


class Total:
    """An output: print how much was probed and found."""

    def begin(self, info: scanner.SweepInfo) -> None:
        """Print what is scanned."""
        print(f"{info.targets}: {info.addresses * info.ports_per_address} endpoints by {info.engine}")

    def result(self, judged: scanner.Judged) -> None:
        """Take one endpoint with its findings; nothing is printed until the end."""

    def end(self, summary: scanner.Summary) -> None:
        """Print the total."""
        print(f"{summary.coverage.open} open, {sum(summary.findings.values())} findings")

    def abandon(self) -> None:
        """Print nothing: the scan failed."""


async def main(target: str = "127.0.0.1", ports: str = "1-65535") -> int:
    """Scan, print findings as they come, and return the exit status of `scanner scan`."""
    options = scanner.ScanOptions(target, ports, rules=(RULE,), sinks=(Total(),))
    async with scanner.ScanStream(options) as running:
        async for judged in running:
            worst = judged.findings[0]
            print(f"{judged.observation.endpoint}  {worst.severity.word}  {worst.rule}: {worst.detail}")
    return running.result.exit_status


if __name__ == "__main__":
    sys.exit(asyncio.run(main(*sys.argv[1:3])))
