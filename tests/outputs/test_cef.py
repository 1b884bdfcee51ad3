"""CEF in syslog lines, read back by the rules of both formats."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.fuzz.hostile_payloads import TEXTS
from tests.outputs.documents import document
from tests.outputs.samples import RESULTS, SUMMARY, judged

HEADER = re.compile(
    r"<(\d{1,3})>1 (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z) (\S{1,255}) (\S{1,48}) (\S{1,128}) (\S{1,32}) - (CEF:0.*)"
)
"""RFC 5424 section 6, without structured data."""


def read(tmp_path: Path, *more: Any, **how: Any) -> list[tuple[int, list[str], dict[str, str]]]:
    """Priority, CEF header and extension of each line."""
    read = []
    for line in document("cef", tmp_path, *more, **how).splitlines():
        found = HEADER.fullmatch(line)
        assert found, line
        *head, extension = re.split(r"(?<!\\)(?:\\\\)*\|", found[7], maxsplit=7)
        assert len(head) == 7
        keys = list(re.finditer(r"(?:^| )(\w+)(?<!\\)=", extension))
        ends = [key.start() for key in keys[1:]] + [len(extension)]
        fields = {key[1]: extension[key.end() : end] for key, end in zip(keys, ends, strict=True)}
        read.append((int(found[1]), head, fields))
    return read


def test_a_line_for_each_finding_and_one_for_the_sweep(tmp_path: Path) -> None:
    *lines, sweep = read(tmp_path)
    assert (sweep[0], sweep[1][5], sweep[2]["outcome"]) == (134, "Sweep complete", "success")
    assert sweep[2]["msg"] == "3 findings: 1 high, 2 medium. Everything planned was covered."
    [stopped] = read(tmp_path, (), replace(SUMMARY, interrupted=True))
    assert (stopped[0], stopped[1][5], stopped[2]["outcome"]) == (132, "Sweep incomplete", "failure")
    assert [(priority, head[4], head[6]) for priority, head, _ in lines] == [
        (132, "open-unassigned", "5"),
        (133, "unauthorised-use", "3"),
        (132, "required-missing", "5"),
        (130, "open-unassigned", "8"),
    ]
    first, last = lines[0][2], lines[-1][2]
    assert (first["dst"], first["dpt"], first["proto"]) == ("9.255.255.255", "8080", "TCP")
    assert first["msg"] == "assigned to no service"
    assert "dst" not in last
    assert (last["c6a3"], last["c6a3Label"]) == ("2001:db8::5", "Destination IPv6 Address")
    assert last["externalId"] == RESULTS[0].findings[0].id


def test_words_of_others_start_no_field_and_no_line(tmp_path: Path) -> None:
    payloads = (*TEXTS, "x dst=1.2.3.4 outcome=expected", "|10|", "\\", "a\\=b", "=")
    results = tuple(
        judged(f"10.{n >> 8}.{n & 255}.1", detail=text, rule=f"r|{text}") for n, text in enumerate(payloads)
    )
    *lines, _ = read(tmp_path, results)
    assert len(lines) == len(payloads)
    for (_, head, fields), one in zip(lines, results, strict=True):
        assert head[6] == "5"
        assert fields["dst"] == str(one.observation.endpoint.address)
        assert fields["outcome"] == "unexpected"
