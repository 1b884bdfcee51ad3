"""`scanner rule [ID]`: what the rules say, and why."""

from textwrap import fill
from typing import Annotated

import typer

from scanner.cli.completion import complete_rule


def rule_command(
    rule_id: Annotated[
        str,
        typer.Argument(
            metavar="[ID]", help="The rule to explain; all are listed without.", autocompletion=complete_rule
        ),
    ] = "",
) -> None:
    """Explain a rule: why it speaks and what to do next. Without an ID, list all rules."""
    from scanner.core.errors import InvalidInput
    from scanner.core.rules.classify import RULES
    from scanner.core.rules.rule import Rule

    def page(rule: Rule) -> str:
        facts = f"severity {rule.severity.word}, verdict {rule.verdict}"
        return f"{rule.id}: {rule.name}\n{facts}\n\n{fill(rule.why, 78)}\n\nWhat to do:\n{fill(rule.action, 78)}"

    if not rule_id:
        width = max(len(rule.id) for rule in RULES)
        for rule in RULES:
            typer.echo(f"{rule.id:<{width}}  {rule.severity.word:<6}  {rule.name}")
        return
    known = {rule.id: rule for rule in RULES}
    if rule_id not in known:
        from difflib import get_close_matches

        near = get_close_matches(rule_id, known, n=1, cutoff=0.4)
        cure = f"did you mean {near[0]}?" if near else "`scanner rule` lists them"
        raise InvalidInput(f"{rule_id!r} is not a rule", where="ID", cure=cure)
    typer.echo(page(known[rule_id]))
