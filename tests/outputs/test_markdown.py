"""The Markdown page: a table that holds together, and words of others that stay words."""

from pathlib import Path
from typing import Any

import pytest

from scanner.outputs.markdown import code
from tests.fuzz.hostile_payloads import TEXTS
from tests.outputs.documents import document
from tests.outputs.samples import RESULTS, judged

MarkdownIt = pytest.importorskip("markdown_it", reason="markdown-it-py is a test oracle only").MarkdownIt


def tokens(text: str) -> list[Any]:
    parsed = MarkdownIt("gfm-like", {"html": True, "linkify": False}).parse(text)
    return [one for token in parsed for one in (token, *(token.children or ()))]


def test_a_page_has_the_verdict_the_findings_what_to_do_and_the_coverage(tmp_path: Path) -> None:
    text = document("markdown", tmp_path)
    assert [line for line in text.splitlines() if line.startswith("#")] == [
        "# Port audit `20260213T220501Z-3f9a`",
        "## Findings",
        "## What to do",
        "## Coverage",
    ]
    assert "`3 findings: 1 high, 2 medium. Everything planned was covered.`" in text
    kinds = [token.type for token in tokens(text)]
    assert kinds.count("tr_open") == 1 + 4
    assert kinds.count("td_open") == 6 * 4
    assert text.index("high") < text.index("`9.255.255.255:8080/tcp`"), "the worst first"


def test_without_findings_there_is_no_table(tmp_path: Path) -> None:
    assert "tr_open" not in [token.type for token in tokens(document("markdown", tmp_path, RESULTS[2:3]))]


def test_nothing_that_others_wrote_is_markup(tmp_path: Path) -> None:
    payloads = (*TEXTS, "@everyone", "![x](https://example.org/y.png)", "a|b`c``d", "`", "``|", "| --- |", "\\|", "\\")
    results = tuple(judged(f"10.{n >> 8}.{n & 255}.1", detail=text, hostname=text) for n, text in enumerate(payloads))
    read = tokens(document("markdown", tmp_path, results))
    kinds = [token.type for token in read]
    assert kinds.count("tr_open") == 1 + len(payloads)
    assert kinds.count("td_open") == 6 * len(payloads)
    assert not {"link_open", "image", "html_inline", "html_block", "fence", "code_block"} & set(kinds)
    assert all("@" not in token.content for token in read if token.type == "text")


@pytest.mark.parametrize(
    ("text", "span"), [("a", "`a`"), ("a`b", "``a`b``"), ("`", "`` ` ``"), ("a|b", "`a\\|b`"), ("  ", "")]
)
def test_a_code_span_is_longer_than_what_is_in_it(text: str, span: str) -> None:
    assert code(text) == span
