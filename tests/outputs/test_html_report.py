"""The page: everything an auditor asks for, nothing loaded, and no word of others that comes to life."""

import base64
import re
import shutil
import struct
import subprocess
import zlib
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path

import pytest

from scanner.core.model import Judged, RegistryStatus, Severity, Transport, Verdict
from scanner.core.recognise.identity import Certificate, Conduct, Identity, Tls
from scanner.core.registry.registry import STATUSES
from scanner.outputs.formats import FormatOptions, OutputRequest, make_outputs
from scanner.outputs.report import facts
from scanner.outputs.report.port_map import COLOURS, cell, status_picture
from scanner.registry.source import load_bundled
from tests.fuzz.hostile_payloads import TEXTS
from tests.outputs.documents import document
from tests.outputs.samples import RESULTS, STARTED, SUMMARY, judged, run

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class Reader(HTMLParser):
    """The elements of a page with their attributes, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def test_the_answer_comes_first_in_three_sentences(tmp_path: Path) -> None:
    text = Reader(document("html", tmp_path)).text
    assert "3 open or missing ports on 3 hosts cannot be explained." in text
    assert "The worst of it: 1 finding of high severity. Everything planned was covered." in text


def test_what_was_not_seen_is_said_before_anything_else(tmp_path: Path) -> None:
    coverage = replace(SUMMARY.coverage, unknown=1000, filtered=SUMMARY.coverage.filtered - 1000)
    text = Reader(document("html", tmp_path, summary=replace(SUMMARY, coverage=coverage))).text
    assert "NOT everything was covered: 1,000 of 361,442 endpoints are unknown." in text


def test_nothing_is_loaded_and_only_the_pages_own_style_and_script_may_run(tmp_path: Path) -> None:
    html = document("html", tmp_path)
    page = Reader(html)
    links = [value for _, each in page.elements for name, value in each.items() if name in ("src", "href") and value]
    assert all(value.startswith(("#", "data:image/png")) for value in links)
    assert "url(" not in html
    assert "@import" not in html
    policy = next(each["content"] for each in page.named("meta") if "http-equiv" in each)
    assert policy is not None
    for tag in ("style", "script"):
        (inner,) = re.findall(f"<{tag}>(.*?)</{tag}>", html, flags=re.DOTALL)
        digest = base64.b64encode(sha256(inner.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none';")
    assert not [name for _, each in page.elements for name in each if name.startswith("on") or name == "style"]


def test_the_map_is_what_the_registry_says() -> None:
    registry = load_bundled()
    codes = registry.status_codes(Transport.TCP)
    address = status_picture(codes, STATUSES)
    png = base64.b64decode(address.removeprefix("data:image/png;base64,"))
    chunks, place = {}, 8
    while place < len(png):
        (length,) = struct.unpack(">I", png[place : place + 4])
        kind, data = png[place + 4 : place + 8], png[place + 8 : place + 8 + length]
        assert zlib.crc32(kind + data) == struct.unpack(">I", png[place + 8 + length : place + 12 + length])[0]
        chunks[kind], place = data, place + 12 + length
    rows = zlib.decompress(chunks[b"IDAT"])
    for port in (0, 22, 255, 256, 1024, 49151, 65535):
        column, row = cell(port)
        code = rows[row * 257 + 1 + column]
        assert tuple(chunks[b"PLTE"][3 * code : 3 * code + 3]) == COLOURS[registry.status(Transport.TCP, port)]
    assert len(address) < 40_000
    assert set(COLOURS) == set(RegistryStatus)
    with pytest.raises(ValueError, match="65536"):
        status_picture(b"", STATUSES)


def test_open_ports_are_marked_where_they_are(tmp_path: Path) -> None:
    found = {
        each["data-port"]: each for each in Reader(document("html", tmp_path)).named("rect") if "data-port" in each
    }
    assert set(found) == {"22", "80", "8080", "31338"}
    assert (found["8080"]["x"], found["8080"]["y"]) == (str(8080 % 256 - 1), str(8080 // 256 - 1))


def test_findings_of_one_cause_are_told_once() -> None:
    many = [judged(f"10.0.{n}.1", 5000, severity=Severity.HIGH) for n in range(9)]
    wide = [judged("10.1.0.1", 6000 + n, rule="open-dynamic", severity=Severity.LOW) for n in range(30)]
    told = facts.finding_causes([*many, *wide])
    assert [(each.rule, each.port) for each in told] == [("open-unassigned", "5000/tcp"), ("open-dynamic", "30 ports")]
    assert told[0].places == "10.0.0.1, 10.0.1.1, 10.0.2.1, 10.0.3.1 and 5 more"
    assert any(command for _, command in told[0].action)


def test_certificates_come_by_expiry() -> None:
    now = SUMMARY.finished

    def seen(days: int, port: int) -> Judged:
        certificate = Certificate(
            f"host{days}", (), "CA", now - timedelta(900), now + timedelta(days), False, f"{days:064}"
        )
        tls = Tls("TLSv1.3", certificate=certificate)
        identity = Identity(Conduct.ANSWERED, protocol="http", tls=tls)
        one = judged("10.0.0.1", port)
        return Judged(replace(one.observation, identity=identity), one.findings)

    rows = facts.certificates([seen(400, 1), seen(-3, 2), seen(10, 3), seen(10, 4)], now)
    assert [(each.subject, each.state) for each in rows] == [("host-3", "expired"), ("host10", "soon"), ("host400", "")]
    assert rows[1].places == "10.0.0.1:3/tcp, 10.0.0.1:4/tcp"


def test_a_large_network_stays_a_small_file(tmp_path: Path) -> None:
    expected = {"severity": Severity.INFO, "verdict": Verdict.UNDETERMINED, "rule": "open-assigned"}
    results = tuple(
        judged(f"10.{n >> 8}.{n & 255}.1", 1 + port * 7, **expected)  # type: ignore[arg-type]
        for n in range(1000)
        for port in range(100)
    )
    assert len(document("html", tmp_path, results)) < 5_000_000


def test_hostile_words_are_text_and_nothing_else(tmp_path: Path) -> None:
    results = tuple(judged(f"10.{n >> 8}.{n & 255}.1", detail=text, hostname=text) for n, text in enumerate(TEXTS))
    calm = tuple(judged(f"10.{n >> 8}.{n & 255}.1", detail="x", hostname="x") for n in range(len(TEXTS)))
    tags = [tag for tag, _ in Reader(document("html", tmp_path, results)).elements]
    assert sorted(set(tags)) == sorted({tag for tag, _ in Reader(document("html", tmp_path, calm)).elements})
    assert tags.count("script") == 1
    assert tags.count("tr") == [tag for tag, _ in Reader(document("html", tmp_path, calm)).elements].count("tr")


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium (Debian: chromium)")
def test_no_payload_runs_in_a_real_browser(tmp_path: Path) -> None:
    assert CHROMIUM is not None
    canary = "document.documentElement.dataset.pwned=1"
    shapes = (
        "<script>{}</script>",
        "<img src=x onerror={}>",
        "<svg onload={}>",
        '"><script>{}</script>',
        "' onmouseover={} '",
        "</style><script>{}</script>",
        "</script><script>{}</script>",
        "{{{{{}}}}}",
        "javascript:{}",
        "<iframe srcdoc='<script>{}'>",
    )
    payloads = [shape.format(canary) for shape in shapes] * 100
    results = tuple(judged(f"10.{n >> 8}.{n & 255}.1", detail=text, hostname=text) for n, text in enumerate(payloads))
    (output,) = make_outputs([OutputRequest("html", str(tmp_path / "p.html"))], FormatOptions())
    run(output, results, SUMMARY)
    arguments = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")
    done = subprocess.run(
        [CHROMIUM, *arguments, f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", str(tmp_path / "p.html")],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    assert "data-pwned" not in done.stdout.split(">", 2)[1]
    assert done.stdout.count("<tr data-row") == 2 * len(payloads), "the page was rendered whole"
    filtered = 'type="search" placeholder'
    assert filtered in done.stdout, "the page's own script ran"


def test_a_sweep_that_found_nothing_has_a_page_too(tmp_path: Path) -> None:
    text = Reader(document("html", tmp_path, ())).text
    assert "Nothing unexpected was found in what was covered." in text
    assert STARTED.strftime("%Y-%m-%dT") in text


def test_the_samples_are_all_there(tmp_path: Path) -> None:
    text = Reader(document("html", tmp_path)).text
    for each in RESULTS:
        assert str(each.observation.endpoint.address) in text
