"""What the documents point at exists: paths, links, headings, options of the scripts."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")]
DOCUMENTS += sorted((ROOT / "docs").glob("*.md"))
TOP = {each.name for each in ROOT.iterdir()}
PATH = re.compile(r"(?<!\w)`([\w./{},*-]+/[\w./{},*-]*|[\w-]+\.(?:py|md|toml))`")
LINK = re.compile(r"\]\(([^)\s]+)\)")


def anchors(text: str) -> set[str]:
    """Return the anchors that headings get on the usual forges."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def expanded(path: str) -> list[str]:
    """Return what a path with braces stands for: `a/{b,c}.py` is two files."""
    if not (found := re.search(r"\{([^}]*)\}", path)):
        return [path]
    return [each for word in found[1].split(",") for each in expanded(path.replace(found[0], word, 1))]


def missing_paths(text: str) -> list[str]:
    """Return paths in backticks that begin at the repository's top (or in scanner/) and lead nowhere."""
    named = {each for found in PATH.findall(text) for each in expanded(found)}
    return [path for path in sorted(named) if path.split("/")[0] in TOP | ROOMS and not exists(path)]


def exists(path: str) -> bool:
    """Whether a path leads somewhere, from the top or inside scanner/."""
    return any(list(base.glob(path)) if "*" in path else (base / path).exists() for base in (ROOT, ROOT / "scanner"))


ROOMS = {each.name for each in (ROOT / "scanner").iterdir()}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_path_in_backticks_exists(document: Path) -> None:
    assert missing_paths(document.read_text("utf-8")) == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_leads_somewhere(document: Path) -> None:
    for link in LINK.findall(document.read_text("utf-8")):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = document.parent / path if path else document
        assert target.exists(), link
        assert not anchor or anchor in anchors(target.read_text("utf-8")), link


def test_a_path_that_is_not_there_is_noticed() -> None:
    text = "see `scanner/nowhere.py`, `core/{model,nothing}.py` and `docs/`; not `10.0.0.0/8` or `a/b`"
    assert missing_paths(text) == ["core/nothing.py", "scanner/nowhere.py"]
