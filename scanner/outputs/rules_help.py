"""What a rule means, for formats that carry the help of the rules along with the findings."""

from collections.abc import Mapping
from functools import cache

from scanner.core.rules.classify import RULES
from scanner.core.rules.rule import Rule


@cache
def rules_by_id() -> Mapping[str, Rule]:
    """Return every rule of this program by its id."""
    return {rule.id: rule for rule in RULES}


def rule_title(rule: str) -> str:
    """Return the title of a rule; the id of one that is not ours, or of an older version."""
    known = rules_by_id().get(rule)
    return known.name if known else rule


def rule_action(rule: str) -> str:
    """Return what to do about a finding of a rule, or nothing where that is not known."""
    known = rules_by_id().get(rule)
    return known.action if known else ""


def rule_reason(rule: str) -> str:
    """Return why a rule's findings deserve a look, or nothing where that is not known."""
    known = rules_by_id().get(rule)
    return known.why if known else ""
