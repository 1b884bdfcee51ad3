"""Makes the pages of docs/ that the code already says: commands, rules, formats.

    scripts/make-docs           writes them
    scripts/make-docs --check   says which are stale, with exit status 1

A test compares them, so they cannot drift. Prose that no code knows (ARCHITECTURE.md) is not made here.
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from scanner.core.rules.classify import RULES
from scanner.core.rules.overlay_rules import OVERLAY_RULES
from scanner.core.rules.policy_rules import POLICY_RULES
from scanner.core.rules.registry_rules import REGISTRY_RULES
from scanner.core.rules.rule import Rule
from scanner.outputs.formats import FORMATS
from scanner.outputs.record import COLUMNS
from scripts.help_pages import command_paths, help_page

DOCS = Path(__file__).parents[1] / "docs"
MADE = "<!-- Made from the code by scripts/make-docs. Do not edit. -->\n"

SILENCED = frozenset(rule.id for rule in (*REGISTRY_RULES, *OVERLAY_RULES)) | {"open-database", "open-remote-control"}
"""Rules that say nothing about an endpoint that a policy explains. A test asks them."""

_EXPECT = """\
Write the endpoint into the policy, with who answers for it: this rule is then silent, and `policy-expected` or
`policy-excepted` speaks instead.

```toml
[[expect]]
networks = ["192.0.2.10"]
ports = [8123]
owner = "IT"
note = "why it is there"
```

For a time only, use `[[exception]]` with `ticket` and `expires`."""

_ENTRY = "Change the policy entry that the column `policy_entry` names; `scanner policy explain ADDRESS PORT` shows it."

_SEVERITY = """\
No entry of a policy silences this rule: it is about what the service does, not about its number. Mend the service, or
give the rule another severity in the policy and choose with `--fail-on` what counts:

```toml
[severity]
{id} = "info"
```"""


def acceptance(rule: Rule) -> str:
    """Return how an auditor accepts what a rule reports."""
    if rule.id in SILENCED:
        return _EXPECT
    return _ENTRY if rule in POLICY_RULES else _SEVERITY.format(id=rule.id)


def rules_page() -> str:
    """Return docs/rules.md: every rule with its reason, what to do, and how to accept what it reports."""

    def lines() -> Iterator[str]:
        yield f"{MADE}\n# Rules\n"
        yield "Ids never change and are never reused, so findings of different weeks can be joined. `scanner rule ID`"
        yield "prints the same.\n"
        yield "| rule | severity | verdict | title |\n|---|---|---|---|"
        for rule in RULES:
            yield f"| [`{rule.id}`](#{rule.id}) | {rule.severity.word} | {rule.verdict} | {rule.name} |"
        for rule in RULES:
            yield f"\n## {rule.id}\n\n**{rule.name}.** Severity {rule.severity.word}, verdict {rule.verdict}.\n"
            yield f"{rule.why}\n\n### What to do\n\n{rule.action}\n\n### How to accept it\n\n{acceptance(rule)}"

    return "\n".join(lines()) + "\n"


def commands_page() -> str:
    """Return docs/commands.md: every command's `--help`."""
    paths = command_paths()
    names = [" ".join(("scanner", *words)) for words in paths]
    index = "\n".join(f"- [`{name}`](#{name.replace(' ', '-')})" for name in names)
    pages = (f"## {name}\n\n```text\n{help_page(words)}```\n" for name, words in zip(names, paths, strict=True))
    return f"{MADE}\n# Commands\n\n{index}\n\n" + "\n".join(pages)


def formats_page() -> str:
    """Return docs/formats.md: every file format, and the columns that are promised."""

    def lines() -> Iterator[str]:
        yield f"{MADE}\n# File formats\n"
        yield "| name | what it is | file names | option | key in `[outputs]` of an audit file | as results come in |"
        yield "|---|---|---|---|---|---|"
        for each in FORMATS:
            suffixes = ", ".join(f"`{suffix}`" for suffix in each.suffixes)
            option = f"`{each.option}`" if each.option else f"`--format {each.name}=FILE`"
            streams = "yes" if each.streams else "no"
            yield f"| `{each.name}` | {each.title} | {suffixes} | {option} | `{each.audit_key}` | {streams} |"
        yield "\n## Columns of the CSV\n"
        yield "In this order, and only ever appended to. The keys of a finding in JSON lines are the same.\n"
        yield "```text\n" + "\n".join(COLUMNS) + "\n```"
        yield "\nThe JSON lines have a schema, which the package carries: `scanner/data/json-lines.schema.json`."

    return "\n".join(lines()) + "\n"


PAGES: Mapping[str, Callable[[], str]] = {
    "commands.md": commands_page,
    "rules.md": rules_page,
    "formats.md": formats_page,
}
"""What makes each page, by file name."""


def main() -> int:
    """Write the pages, or with --check name the stale ones."""
    parser = argparse.ArgumentParser(description="Make the pages of docs/ that come from the code.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if a page is stale")
    check = parser.parse_args().check
    stale = [name for name, page in PAGES.items() if not _is_current(DOCS / name, page())]
    for name in stale:
        if not check:
            (DOCS / name).write_text(PAGES[name](), "utf-8")
        print(f"docs/{name}: {'is stale; run scripts/make-docs' if check else 'written'}")
    return int(check and bool(stale))


def _is_current(path: Path, text: str) -> bool:
    return path.exists() and path.read_text("utf-8") == text


if __name__ == "__main__":
    sys.exit(main())
