"""List what is open on this machine and unexplained, worst first. The library in a dozen lines.

    python examples/find_unexplained.py [TARGET [PORTS]]

`scanner.scan` yields each open endpoint with what the rules say of it. Names and words are those of the command
line; public addresses would be refused without a scope.
"""

import asyncio
import sys

import scanner


async def main(target: str, ports: str) -> None:
    """Print the unexpected endpoints of a target."""
    found = [judged async for judged in scanner.scan(target, ports)]
    for judged in sorted(found, key=lambda each: -each.severity):
        for finding in judged.findings:
            if finding.verdict is scanner.Verdict.UNEXPECTED:
                print(f"{judged.observation.endpoint}: {finding.detail} [{finding.severity.word}]")


if __name__ == "__main__":
    arguments = sys.argv[1:] + ["127.0.0.1", "1-65535"][len(sys.argv) - 1 :]
    try:
        asyncio.run(main(arguments[0], arguments[1]))
    except scanner.ScannerError as error:
        sys.exit(f"find_unexplained: {error}")
