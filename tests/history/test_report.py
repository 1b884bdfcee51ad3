"""The page from the history: which sweeps are on it, what it says changed, and that hostile text stays inert."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from scanner.app.reporting import sweeps_of_report, write_report
from scanner.core.errors import InvalidInput
from scanner.core.policy.policy import Entry, EntryKind, Policy
from scanner.core.targets.ranges import network_span
from tests.history.conftest import Lab, World

Worlds = Callable[..., World]
SSH, WEB, ODD = ("10.0.0.1", 22), ("10.0.0.1", 443), ("10.0.0.2", 8123)


def page(lab: Lab, folder: Path, *words: str, most: int = 14) -> str:
    with lab.store() as store:
        write_report(store, sweeps_of_report(store, words, most), str(folder / "page.html"))
    return (folder / "page.html").read_text()


def rows(text: str, section: str) -> list[str]:
    """The rows of the tables of a section, tags taken out."""
    part = re.search(rf'<section id="{section}">(.*?)</section>', text, re.DOTALL)
    assert part
    found = re.findall(r"<tr[ >].*?</tr>", part[1], re.DOTALL)
    return [" ".join(re.sub(r"<[^>]+>", " ", row).split()) for row in found if "<td" in row]


async def test_the_page_tells_what_opened_closed_and_was_seen_first(lab: Lab, world: Worlds, tmp_path: Path) -> None:
    for open_ports in ([SSH], [SSH, ODD], [WEB, ODD]):
        await lab.sweep(world(*open_ports))
    text = page(lab, tmp_path)
    changes, nights = rows(text, "changes")[:-3], rows(text, "changes")[-3:]
    assert changes[0].startswith("opened 10.0.0.1:443/tcp")
    assert any(row.startswith("closed 10.0.0.1:22/tcp") for row in changes)
    last, middle, first = nights
    assert re.search(r" 2 1 1 \d+ 0 \d+ complete 48 of 48 endpoints compared$", last)
    assert re.search(r" 2 1 0 \d+ 0 \d+ complete", middle)
    assert "first of these" in first
    assert text.count('<rect class="opened"') == 2
    assert text.count('<rect class="closed"') == 1
    assert "1 port opened, 1 closed" in text


async def test_an_unchanged_night_says_so_and_a_first_one_too(lab: Lab, world: Worlds, tmp_path: Path) -> None:
    await lab.sweep(world(SSH))
    assert "There is no earlier sweep to compare with." in page(lab, tmp_path)
    await lab.sweep(world(SSH))
    assert "nothing changed." in page(lab, tmp_path)


async def test_silence_is_unsure_on_the_page_and_not_closed(lab: Lab, world: Worlds, tmp_path: Path) -> None:
    await lab.sweep(world(SSH))
    await lab.sweep(world(silent=[SSH]), again=True)
    text = page(lab, tmp_path)
    assert [row.split()[0] for row in rows(text, "changes")[:-2]] == ["unsure"]
    assert '<rect class="closed"' not in text


async def test_only_sweeps_of_the_same_audit_and_endpoints_are_on_it(lab: Lab, world: Worlds) -> None:
    mine = [await lab.sweep(world(SSH), audit="office"), await lab.sweep(world(SSH), audit="office")]
    await lab.sweep(world(SSH), lab.plan("10.9.0.0/28"), audit="office")
    await lab.sweep(world(SSH), audit="lab")
    mine.append(await lab.sweep(world(SSH), audit="office"))
    with lab.store() as store:
        assert [each.id for each in sweeps_of_report(store, ())] == mine
        assert [each.id for each in sweeps_of_report(store, (), 2)] == mine[1:]
        assert [each.id for each in sweeps_of_report(store, (mine[1],))] == mine[:2]
        assert [each.id for each in sweeps_of_report(store, (mine[2], mine[0]))] == [mine[0], mine[2]]


async def test_sweeps_that_have_nothing_in_common_are_refused_and_no_page_is_left(
    lab: Lab, world: Worlds, tmp_path: Path
) -> None:
    first = await lab.sweep(world(SSH))
    second = await lab.sweep(world(SSH), lab.plan("10.9.0.0/28"))
    with pytest.raises(InvalidInput, match="no endpoint in common"):
        page(lab, tmp_path, first, second)
    assert not (tmp_path / "page.html").exists()


async def test_hostile_names_are_inert_among_the_changes(lab: Lab, world: Worlds, tmp_path: Path) -> None:
    attack = '</td><script>alert("x")</script>\x1b[31m'
    entry = Entry(attack, EntryKind.EXPECT, (network_span("10.0.0.1"),), frozenset(), frozenset(), note=attack)
    policy = Policy(attack, [entry])
    await lab.sweep(world(SSH), audit=attack)
    await lab.sweep(world(SSH, ODD), policy=policy, audit=attack)
    text = page(lab, tmp_path)
    assert "<script>alert" not in text
    assert "\x1b" not in text
    assert rows(text, "changes")
