"""List what is open on this machine and unexplained, worst first. The library in a dozen lines.

    python examples/find_unexplained.py [TARGET [PORTS]]

`scanner.scan_sync` takes the options of the command line by name and returns findings together with what was covered;
public addresses are refused without a scope.
"""

import sys

import scanner


def main(target: str, ports: str) -> int:
    """Print the unexpected endpoints of a target, and say if something was not covered."""
    result = scanner.scan_sync(target, ports)
    for finding in result.findings:
        print(f"{finding.observation.endpoint}: {finding.detail} [{finding.severity.word}]")
    if not result.complete:
        print(f"not everything was covered: {result.coverage.unknown} endpoints are unknown", file=sys.stderr)
    return result.exit_status


if __name__ == "__main__":
    arguments = sys.argv[1:] + ["127.0.0.1", "1-65535"][len(sys.argv) - 1 :]
    try:
        sys.exit(main(arguments[0], arguments[1]))
    except scanner.ScannerError as error:
        sys.exit(f"find_unexplained: {error}")
