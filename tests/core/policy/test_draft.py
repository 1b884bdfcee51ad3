"""A first policy from what was open: what is in it, what is left out, and that it is a policy."""

import tomllib
from dataclasses import replace
from datetime import UTC, date, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scanner.config.policy import read_policy
from scanner.core.model import (
    ANSWERS_EVERYWHERE,
    SILENT_AMONG_CLOSED,
    Endpoint,
    Finding,
    Judged,
    Observation,
    RegistryIdentity,
    RegistryStatus,
    Severity,
    State,
    Transport,
    Verdict,
)
from scanner.core.policy.check import Oddity, check_policy
from scanner.core.policy.draft import draft_policy
from scanner.core.recognise.identity import Conduct, Identity
from scanner.core.registry.registry import Registry

TODAY = date(2026, 6, 1)


def judged(address: str, port: int, service: str = "", state: State = State.OPEN, speaks: str = "") -> Judged:
    identity = Identity(Conduct.GREETED, speaks) if speaks else None
    endpoint = Endpoint(ip_address(address), Transport.TCP, port)
    seen = Observation(endpoint, state, "syn-ack", datetime(2026, 6, 1, tzinfo=UTC), identity=identity)
    finding = Finding(
        "0" * 16, seen, "open-x", Severity.LOW, Verdict.UNEXPECTED, "", RegistryStatus.ASSIGNED, service=service
    )
    return Judged(seen, (finding,))


def test_a_draft_puts_alike_hosts_together_and_marks_all_for_review() -> None:
    text = "\n".join(
        draft_policy(
            'evil\u202e\x1b]0;"\\',
            "sweep-1",
            [
                judged("10.0.0.9", 22, "ssh"),
                judged("10.0.0.10", 22, "ssh"),
                judged("10.0.0.2", 8123, speaks="http"),
                judged("10.0.0.2", 22, "ssh"),
                judged("10.0.0.3", 80, state=State.CLOSED),
                judged("fd00::1", 9),
            ],
        )
    )
    content = tomllib.loads(text)
    assert [(each["networks"], each["ports"], each["review"]) for each in content["expect"]] == [
        (["10.0.0.2"], [22, 8123], True),
        (["10.0.0.9", "10.0.0.10"], [22], True),
        (["fd00::1"], [9], True),
    ]
    assert content["expect"][0]["note"] == "22 ssh, 8123 http"
    assert all(character.isprintable() or character == "\n" for character in text)


def drafted(*found: Judged) -> dict[str, Any]:
    return tomllib.loads("\n".join(draft_policy("office", "sweep-1", found)))


def test_a_draft_names_the_service_where_the_same_one_was_recognised_on_every_host() -> None:
    content = drafted(
        judged("10.0.0.2", 22, speaks="ssh"),
        judged("10.0.0.3", 22, speaks="ssh"),
        judged("10.0.0.2", 8123, speaks="http"),
        judged("10.0.0.3", 8123),
        judged("10.0.0.2", 9, speaks="ssh"),
        judged("10.0.0.3", 9, speaks="http"),
    )
    (entry,) = content["expect"]
    assert entry["services"] == {"22": "ssh"}


def test_hosts_with_the_same_ports_are_one_entry_whatever_answers_there() -> None:
    content = drafted(judged("10.0.0.2", 8123, speaks="http"), judged("10.0.0.3", 8123, "polestar"))
    (entry,) = content["expect"]
    assert entry["networks"] == ["10.0.0.2", "10.0.0.3"]
    assert entry["note"] == "8123 http or polestar"


def test_a_port_without_a_service_is_noted_with_its_status_in_the_registry() -> None:
    seen = judged("10.0.0.2", 50000)
    dynamic = replace(seen.findings[0], registry_status=RegistryStatus.DYNAMIC)
    assert drafted(replace(seen, findings=(dynamic,)))["expect"][0]["note"] == "50000 dynamic"


def test_ports_of_udp_are_drafted_as_such() -> None:
    seen = judged("10.0.0.2", 53, "domain")
    endpoint = replace(seen.observation.endpoint, transport=Transport.UDP)
    udp = replace(seen, observation=replace(seen.observation, endpoint=endpoint))
    assert drafted(udp, judged("10.0.0.2", 53, "domain"))["expect"][0]["ports"] == [53, "U:53"]


def everywhere(address: str) -> Judged:
    seen = judged(address, 0)
    return replace(seen, observation=replace(seen.observation, reason=ANSWERS_EVERYWHERE))


def test_a_host_that_answers_everywhere_is_left_out_and_named() -> None:
    lines = list(draft_policy("x", "s", [everywhere("10.0.0.5"), judged("10.0.0.5", 80), judged("10.0.0.6", 80)]))
    assert [line for line in lines if "10.0.0.5" in line] == [
        "# Left out: 10.0.0.5 answers on every port, so its open ports say nothing about its services."
    ]
    assert tomllib.loads("\n".join(lines))["expect"][0]["networks"] == ["10.0.0.6"]


addresses = st.sampled_from(["10.0.0.1", "10.0.0.2", "10.0.1.1", "fd00::1", "fd00::2", "255.255.255.255"])
found = st.one_of(
    st.builds(
        judged, addresses, st.integers(1, 65535), st.text(max_size=8), st.sampled_from(State), st.text(max_size=8)
    ),
    st.builds(everywhere, addresses),
)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=300), st.text(max_size=20), st.lists(found, max_size=12))
def test_every_draft_is_a_policy_about_which_there_is_nothing_to_say_but_that_it_awaits_review(
    tmp_path: Path, name: str, sweep_id: str, seen: list[Judged]
) -> None:
    path = tmp_path / "draft.toml"
    path.write_text("\n".join(draft_policy(name, sweep_id, seen)))
    policy = read_policy(path, lambda: Registry(RegistryIdentity("test", "2026-01-01", "0", 0), []))
    remarks = list(check_policy(policy, TODAY))
    assert {remark.oddity for remark in remarks} <= {Oddity.REVIEW}
    assert len(remarks) == len(policy.entries)


def test_udp_ports_say_so_and_silent_ones_are_entries_of_their_own() -> None:
    def udp(port: int, state: State, reason: str) -> Judged:
        seen = judged("10.0.0.7", port, state=state)
        place = replace(seen.observation.endpoint, transport=Transport.UDP)
        return replace(seen, observation=replace(seen.observation, endpoint=place, reason=reason))

    lines = draft_policy(
        "lab",
        "sweep-1",
        [
            judged("10.0.0.7", 53, "domain"),
            udp(53, State.OPEN, "udp-answer"),
            udp(51820, State.OPEN_FILTERED, SILENT_AMONG_CLOSED),
            udp(514, State.OPEN_FILTERED, "udp-no-response"),
        ],
    )
    entries = tomllib.loads("\n".join(lines))["expect"]
    assert [(entry["ports"], entry.get("silent", False)) for entry in entries] == [
        ([53, "U:53"], False),
        (["U:51820"], True),
    ]
