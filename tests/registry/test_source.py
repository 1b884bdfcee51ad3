"""Where the registry comes from, and how it is brought up to date, against a server on this machine."""

import json
import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import MappingProxyType

import pytest

from scanner.core.errors import InvalidInput, RegistryUnusable
from scanner.core.model import PortKey, RegistryStatus, Transport
from scanner.core.registry.csv import IANA_COLUMNS
from scanner.registry import fetch as registry_fetch
from scanner.registry import update as registry_update
from scanner.registry.fetch import THREAD_NAME, FetchAnswer, FetchLimits, check_url, fetch
from scanner.registry.source import bundled_file, cache_file, load_bundled, load_registry, origin_file
from scanner.registry.update import UpdateOutcome, update

TCP = Transport.TCP


Answer = Callable[[BaseHTTPRequestHandler], object]


def table(assigned: int, *, name: str = "s", day: str = "2026-01-01") -> bytes:
    """A whole registry that assigns the first `assigned` ports on TCP and UDP."""
    lines = [",".join(IANA_COLUMNS)]
    lines += [f"{name}{port},{port},,,,{day},,,," for port in range(1, assigned + 1)]
    return "\n".join([*lines, ",49151,,Reserved,,,,,,", ""]).encode()


GOOD = table(6000)


class Server:
    """One resource whose answer a test sets; what was asked is kept."""

    def __init__(self) -> None:
        self.answer: Answer = lambda request: send(request, GOOD)
        self.asked: list[dict[str, str]] = []
        self.released = threading.Event()
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.asked.append(dict(self.headers) | {"path": self.path})
                server.answer(self)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/registry.csv"


def send(
    request: BaseHTTPRequestHandler,
    data: bytes,
    headers: Mapping[str, str] = MappingProxyType({}),
    *,
    status: int = 200,
) -> None:
    request.send_response(status)
    for name, value in ({"Content-Length": str(len(data))} | dict(headers)).items():
        request.send_header(name, value)
    request.end_headers()
    request.wfile.write(data)


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.http.serve_forever, args=(0.02,))
    thread.start()
    yield server
    server.released.set()
    server.http.shutdown()
    server.http.server_close()
    thread.join()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data folder that holds `GOOD`."""
    path = tmp_path / "data"
    path.mkdir()
    cache_file(path).write_bytes(GOOD)
    origin = {"source": str(tmp_path / "good.csv"), "etag": "", "sha256": sha256(GOOD).hexdigest()}
    origin_file(path).write_text(json.dumps(origin))
    return path


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


# --- load_registry ---


def test_without_anything_else_the_bundle_speaks(tmp_path: Path) -> None:
    registry = load_registry(folder=tmp_path)
    provenance = json.loads((Path(registry_update.__file__).parents[1] / "data/registry/provenance.json").read_text())
    assert registry.lookup(TCP, 22).names == ("ssh",)
    assert registry.identity.sha256 == provenance["sha256"]
    assert registry.identity.rows == provenance["rows"]
    assert registry.identity.date == provenance["date"] == date.fromisoformat(provenance["date"]).isoformat()
    for transport, count in provenance["assigned"].items():
        assert len(registry.ports_with_status(Transport(transport), RegistryStatus.ASSIGNED)) == count


def test_the_updated_copy_goes_before_the_bundle_and_says_where_it_came_from(folder: Path, tmp_path: Path) -> None:
    registry = load_registry(folder=folder)
    assert registry.lookup(TCP, 22).names == ("s22",)
    assert registry.identity.source == str(tmp_path / "good.csv")


BUNDLED = bundled_file("snapshot.csv") + b"x,,tcp,,,2026-01-01,,,,\n"
"""The bundled snapshot with a date, as a file of the user's."""


def test_a_named_file_goes_before_all(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_bytes(BUNDLED.replace(b"\nssh,22,", b"\nmine22,22,"))
    assert load_registry(tmp_path / "mine.csv", folder=folder).lookup(TCP, 22).names == ("mine22",)


def without(share: int) -> bytes:
    """`BUNDLED` without each `share`-th of its assignments."""
    lines = BUNDLED.splitlines(keepends=True)
    kept = [line for place, line in enumerate(lines) if place == 0 or line.startswith(b",") or place % share]
    return b"".join(kept)


def test_a_named_file_that_lost_a_third_of_the_assignments_is_refused_with_the_way_to_force_it(
    folder: Path, tmp_path: Path
) -> None:
    path = tmp_path / "cut.csv"
    path.write_bytes(without(3))
    with pytest.raises(RegistryUnusable) as refused:
        load_registry(path, folder=folder)
    line = str(refused.value)
    assert re.match(rf"{path}: lacks \d+ of 12001 assignments \(3\d%\); ", line)
    assert f"`scanner registry update --from {path} --force` uses it all the same" in line
    with pytest.raises(RegistryUnusable, match=r"lacks \d+ of 12001 assignments"):
        update(str(path), folder=tmp_path / "new")
    update(str(path), folder=tmp_path / "new", force=True)
    assert load_registry(folder=tmp_path / "new").identity.sha256 == sha256(path.read_bytes()).hexdigest()


def test_a_named_file_that_lacks_a_few_assignments_is_believed(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_bytes(without(50))
    assert load_registry(tmp_path / "mine.csv").lookup(TCP, 22).names == ("ssh",)


def test_an_update_that_is_dated_in_the_future_says_so(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "new.csv").write_bytes(table(6000, day="2999-01-01"))
    said: list[str] = []
    update(str(tmp_path / "new.csv"), folder=folder, warn=said.append)
    assert said == ["the registry is of 2999-01-01, which is in the future; check this machine's clock and the file"]


def test_a_named_file_that_is_no_registry_is_an_error_not_the_bundle(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("<html>")
    for name, words in (("mine.csv", "HTML"), ("none.csv", "no such file"), (".", "it is a folder")):
        with pytest.raises(RegistryUnusable, match=words):
            load_registry(tmp_path / name)


def test_a_damaged_copy_gives_way_to_the_bundle_with_a_warning(folder: Path) -> None:
    cache_file(folder).write_bytes(GOOD[:-3000])
    warnings: list[str] = []
    assert load_registry(folder=folder, warn=warnings.append).identity == load_bundled().identity
    assert len(warnings) == 1
    assert "damaged" in warnings[0]


def test_a_copy_whose_origin_is_lost_is_still_used(folder: Path) -> None:
    origin_file(folder).write_text("{")
    assert load_registry(folder=folder).identity.source == str(cache_file(folder))


def test_the_data_folder_is_the_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    (tmp_path / "good.csv").write_bytes(GOOD)
    found = update(str(tmp_path / "good.csv"), force=True)
    assert found.path.is_relative_to(tmp_path)
    assert load_registry().identity == found.after


# --- update ---


def test_a_registry_that_is_older_than_the_one_in_use_is_taken_with_a_warning(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "old.csv").write_bytes(table(6000, day="2020-02-03"))
    said: list[str] = []
    assert update(str(tmp_path / "old.csv"), folder=folder, warn=said.append).outcome is UpdateOutcome.UPDATED
    assert said == [f"{tmp_path}/old.csv: of 2020-02-03, older than the registry that it replaces (2026-01-01)"]


def test_an_update_says_what_changed(folder: Path, tmp_path: Path) -> None:
    new = table(6001).replace(b"s22,22", b"ssh,22")
    (tmp_path / "new.csv").write_bytes(new)
    found = update(str(tmp_path / "new.csv"), folder=folder)
    assert found.outcome is UpdateOutcome.UPDATED
    assert found.changes.added == (PortKey(TCP, 6001), PortKey(Transport.UDP, 6001))
    assert found.changes.renamed == (PortKey(TCP, 22), PortKey(Transport.UDP, 22))
    assert found.changes.removed == ()
    assert cache_file(folder).read_bytes() == new


def test_over_http_the_tag_is_kept_and_sent_back(folder: Path, server: Server) -> None:
    server.answer = lambda request: send(request, GOOD, {"ETag": '"v1"'})
    assert update(server.url, folder=folder).outcome is UpdateOutcome.UNCHANGED
    server.answer = lambda request: send(request, b"", status=304)
    assert update(server.url, folder=folder).outcome is UpdateOutcome.UNCHANGED
    assert [asked.get("If-None-Match") for asked in server.asked] == [None, '"v1"']


def test_the_tag_is_not_sent_for_a_copy_that_it_does_not_belong_to(folder: Path, server: Server) -> None:
    server.answer = lambda request: send(request, GOOD, {"ETag": '"v1"'})
    update(server.url, folder=folder)
    cache_file(folder).write_bytes(table(6000, name="other"))
    update(server.url, folder=folder)
    cache_file(folder).write_bytes(GOOD[:-10])
    update(server.url, folder=folder, force=True)
    update(server.url + "?other", folder=folder)
    assert [asked.get("If-None-Match") for asked in server.asked] == [None] * 4
    assert cache_file(folder).read_bytes() == GOOD


def truncated(request: BaseHTTPRequestHandler) -> None:
    send(request, GOOD[: len(GOOD) // 2], {"Content-Length": str(len(GOOD))})


def truncated_chunks(request: BaseHTTPRequestHandler) -> None:
    request.protocol_version = "HTTP/1.1"
    send(request, b"5\r\nServi\r\n9999\r\nce", {"Content-Length": "", "Transfer-Encoding": "chunked"})


def redirect_to(target: str) -> Answer:
    return lambda request: send(request, b"", {"Location": target}, status=302)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda request: send(request, b"x" * 300_000), "more than 200000 bytes"),
        (truncated, "bytes are missing"),
        (truncated_chunks, "IncompleteRead|missing"),
        (lambda request: send(request, b"<!doctype html><title>Sign in</title>"), "HTML"),
        (lambda request: send(request, b"", status=500), "HTTP status 500"),
        (lambda request: send(request, b"", status=304), "HTTP status 304"),
        (lambda request: send(request, GOOD[: GOOD.index(b"s3000,")]), "part of it"),
        (lambda request: request.wfile.write(b"SSH-2.0-OpenSSH\r\n"), "SSH-2.0"),
        (redirect_to("http://192.0.2.1/registry.csv"), "only https"),
        (redirect_to("file:///etc/passwd"), "only https|status 302"),
        (redirect_to("ftp://127.0.0.1/x"), "only https|status 302"),
        (redirect_to("/registry.csv"), "HTTP status 302"),
        (lambda request: send(request, table(5639)), "lacks 722 of 12000 assignments"),
    ],
)
def test_what_cannot_be_trusted_is_refused_and_the_last_good_copy_stays(
    folder: Path, server: Server, answer: Answer, words: str
) -> None:
    before = contents(folder)
    server.answer = answer
    with pytest.raises((RegistryUnusable, InvalidInput), match=words) as refused:
        update(server.url, folder=folder, limits=FetchLimits(size=200_000))
    assert "\n" not in str(refused.value)
    assert contents(folder) == before


def test_a_loss_of_less_than_a_twentieth_is_believed_and_a_larger_one_when_forced(folder: Path, server: Server) -> None:
    server.answer = lambda request: send(request, table(5760))
    assert len(update(server.url, folder=folder).changes.removed) == 480
    server.answer = lambda request: send(request, table(5000))
    assert update(server.url, folder=folder, force=True).outcome is UpdateOutcome.UPDATED


def test_force_does_not_take_what_is_no_registry(folder: Path, server: Server) -> None:
    server.answer = lambda request: send(request, b"<html>")
    with pytest.raises(RegistryUnusable, match="HTML"):
        update(server.url, folder=folder, force=True)


def test_a_redirect_on_this_machine_is_followed(folder: Path, server: Server) -> None:
    def answer(request: BaseHTTPRequestHandler) -> None:
        redirect_to("/new")(request) if request.path != "/new" else send(request, GOOD)

    server.answer = answer
    assert update(server.url, folder=folder).outcome is UpdateOutcome.UNCHANGED
    assert [asked["path"] for asked in server.asked] == ["/registry.csv", "/new"]


def test_a_server_that_drips_is_given_up_when_the_whole_time_is_over(server: Server) -> None:
    def drip(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.end_headers()
        while not server.released.wait(0.02):
            request.wfile.write(b"x")
            request.wfile.flush()

    server.answer = drip
    with pytest.raises(RegistryUnusable, match=r"not here after 0\.3 s"):
        fetch(server.url, limits=FetchLimits(silence=5, total=0.3))
    for thread in threading.enumerate():
        if thread.name == THREAD_NAME:
            thread.join(5)
            assert not thread.is_alive()


def test_a_server_that_says_nothing_is_given_up_when_it_was_silent_too_long(server: Server) -> None:
    server.answer = lambda request: server.released.wait(10)
    with pytest.raises(RegistryUnusable, match="timed out"):
        fetch(server.url, limits=FetchLimits(silence=0.2, total=10))


def test_nobody_there() -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        with pytest.raises(RegistryUnusable, match="refused"):
            fetch(f"http://127.0.0.1:{deaf.getsockname()[1]}/x")


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/x",
        "ftp://127.0.0.1/x",
        "file:///etc/passwd",
        "https://",
        "http://[::1",
        "http://127.1.evil/",
    ],
)
def test_addresses_that_are_not_fetched(url: str) -> None:
    with pytest.raises(InvalidInput):
        check_url(url)


@pytest.mark.parametrize(
    "url", ["https://www.iana.org/x", "http://127.0.0.1:1/x", "http://[::1]/x", "http://localhost/"]
)
def test_addresses_that_are(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        registry_fetch, "_work", lambda asked, tag, _, answers: answers.put(FetchAnswer(asked.encode(), tag))
    )
    assert fetch(url, etag="tag") == FetchAnswer(url.encode(), "tag")


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "good.csv").write_bytes(GOOD)
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(RegistryUnusable, match="cannot keep the registry here"):
        update(str(tmp_path / "good.csv"), folder=tmp_path / "file", force=True)


KILLED = """
import os, sys
from pathlib import Path
from scanner.registry.update import update
calls = 0
replace = Path.replace
def dying(self, target) -> None:
    global calls
    calls += 1
    if calls == int(sys.argv[3]):
        os._exit(9)
    return replace(self, target)
Path.replace = dying
update(sys.argv[1], folder=Path(sys.argv[2]))
"""


@pytest.mark.parametrize(("replacement", "name"), [(1, "s22"), (2, "new22")])
def test_killed_before_either_replacement_there_is_a_whole_registry(
    folder: Path, tmp_path: Path, replacement: int, name: str
) -> None:
    source = tmp_path / "new.csv"
    source.write_bytes(table(6000, name="new"))
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, source, folder, str(replacement)],
        env=os.environ | {"PYTHONPATH": str(Path(registry_update.__file__).parents[2])},
        check=False,
    )
    assert killed.returncode == 9
    warnings: list[str] = []
    assert load_registry(folder=folder, warn=warnings.append).lookup(TCP, 22).names == (name,)
    assert warnings == []
    update(str(source), folder=folder)
    assert load_registry(folder=folder).identity.source == str(source)
