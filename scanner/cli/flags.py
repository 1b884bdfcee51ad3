"""Flags that several commands share, declared once."""

from typing import Annotated, TypeAlias

import typer

from scanner.cli.signature import declared

HistoryFile: TypeAlias = Annotated[str | None, declared("history")]
RegistryFile: TypeAlias = Annotated[str | None, declared("registry")]
PolicyFile: TypeAlias = Annotated[str | None, declared("policy")]
AllOpen: TypeAlias = Annotated[bool, declared("all_open")]
Quiet: TypeAlias = Annotated[bool, declared("quiet")]
AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="JSON lines on standard output.")]
AsCsv: TypeAlias = Annotated[bool, typer.Option("--csv", help="CSV on standard output.")]
DryRun: TypeAlias = Annotated[bool, typer.Option("-sL", "--dry-run", help="Send nothing; show the plan.")]
OutputFile: TypeAlias = Annotated[
    str, typer.Option("-o", "--output", metavar="FILE", help="Write here (default: standard output).")
]
