"""Accept a finding: an `[[accepted]]` entry at the end of the policy file, which is otherwise left as it is.

The entry is text that is added, so that every comment and every line stays where it is. The file is read again with the
entry in it before it takes the old one's place, and the finding must count no more then.
"""

import json
from dataclasses import replace
from datetime import date, datetime
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from scanner.app.judging import Judging, judge_for, read_policy_file, read_registry
from scanner.core.errors import InvalidInput, Warn
from scanner.core.model import REPORTABLE, Finding, Transport
from scanner.core.policy.policy import Policy
from scanner.core.registry.registry import Registry
from scanner.core.sanitise import sanitise
from scanner.files.atomic import write_whole
from scanner.files.text import read_bytes
from scanner.files.toml import MOST_TOML_BYTES
from scanner.history.store import Store
from scanner.history.stored import StoredSweep
from scanner.registry.overlays import bundled_overlays

SWEEPS_SEARCHED = 20
"""How many of the newest sweeps are searched for a finding."""


def finding_named(store: Store, word: str) -> tuple[StoredSweep, Finding]:
    """Return the newest finding with an id, or the unique beginning of one, and its sweep.

    Raises:
        InvalidInput: no finding of the newest sweeps or several.
    """
    for sweep in islice(store.sweeps(), SWEEPS_SEARCHED):
        found = [each for one in store.judged(sweep) for each in one.findings if each.id.startswith(word)]
        if len(found) > 1:
            raise InvalidInput(f"{word!r}: several finding IDs begin with this", cure="write more of it")
        if found:
            return sweep, found[0]
    raise InvalidInput(f"{word!r}: no such finding in the newest sweeps", cure="the CSV's finding_id names it")


def policy_of(sweep: StoredSweep) -> str | None:
    """Return the policy file that judged a sweep, or None."""
    policy = sweep.settings.get("options", {}).get("policy")
    return str(policy) if policy else None


def accept(
    finding: Finding,
    policy: Path,
    *,
    ticket: str,
    until: date,
    by: str,
    now: datetime,
    registry: str | None = None,
    warn: Warn,
) -> str:
    """Write the entry into a policy file, and return it. `until` is its last day, `now` is aware.

    Raises:
        InvalidInput: nothing is to be accepted, the day has passed, or the policy file is not valid.
        OutputFailed: the file cannot be written; it is as it was then.
    """
    if until < now.date():
        raise InvalidInput(f"{until} has passed", where="--until", cure="write a day to come")
    table = read_registry(registry, now=now, warn=warn)
    known = read_policy_file(policy, table, warn=warn)
    if not _counts(finding, table, known, now):
        raise InvalidInput(f"{finding.id} does not count by this policy", where=str(policy), cure="nothing to accept")
    data = read_bytes(policy, most=MOST_TOML_BYTES)
    end = b"\r\n" if b"\r\n" in data else b"\n"
    text = _entry(finding, ticket, until, by, now)
    whole = data + (b"" if data.endswith(b"\n") or not data else end) + end + text.encode().replace(b"\n", end)
    if _counts(finding, table, _read_again(whole, policy, table, warn), now):
        raise InvalidInput(f"the entry would not accept {finding.id}", where=str(policy), cure="write it by hand")
    write_whole(policy, whole)
    return text


def _read_again(data: bytes, policy: Path, table: Registry, warn: Warn) -> Policy | None:
    """Return the policy as it would be. Raises InvalidInput, about the file that it would be in."""
    with TemporaryDirectory() as folder:
        copy = Path(folder) / policy.name
        copy.write_bytes(data)
        try:
            return read_policy_file(copy, table, warn=warn)
        except InvalidInput as error:
            where = error.where.replace(str(copy), str(policy))
            raise InvalidInput(f"the entry does not fit: {error.problem}", where=where, cure=error.cure) from None


def _counts(finding: Finding, table: Registry, policy: Policy | None, now: datetime) -> bool:
    """Return whether a finding counts, judged by a policy today."""
    judge = judge_for(Judging(table, bundled_overlays(), policy))
    judged = judge.judge(replace(finding.observation, at=now))
    return any(each.id == finding.id and each.verdict in REPORTABLE for each in judged.findings)


def _entry(finding: Finding, ticket: str, until: date, by: str, now: datetime) -> str:
    seen = finding.observation
    port = seen.endpoint.port
    word = str(port) if seen.endpoint.transport is Transport.TCP else f'"U:{port}"'
    ports = "" if seen.whole_host else f"ports = [{word}]\n"
    return (
        "[[accepted]]\n"
        f"rules = [{_quoted(finding.rule)}]\n"
        f"networks = [{_quoted(str(seen.endpoint.address))}]\n"
        f"{ports}"
        f"owner = {_quoted(by)}\n"
        f"ticket = {_quoted(ticket)}\n"
        f"expires = {until}\n"
        f"note = {_quoted(f'finding {finding.id}, accepted on {now:%Y-%m-%d}')}\n"
    )


def _quoted(text: str) -> str:
    return json.dumps(sanitise(text, limit=1000), ensure_ascii=False)
