"""Files appear whole or not at all; devices, pipes and links are treated as what they are."""

import contextlib
import errno
import io
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from scanner.core.errors import OutputFailed
from scanner.files.atomic import AtomicFile
from scanner.outputs.destination import Device, StandardStream, collide, destination_for


@pytest.fixture(params=["nameless", "named"])
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways of writing a file: with and without O_TMPFILE."""
    if request.param == "named":
        monkeypatch.delattr(os, "O_TMPFILE", raising=False)
    elif not hasattr(os, "O_TMPFILE"):
        pytest.skip("this system has no O_TMPFILE")
    return str(request.param)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.usefixtures("kind")
class TestAtomicFile:
    def test_the_old_file_stays_until_the_new_one_is_whole(self, tmp_path: Path) -> None:
        path = tmp_path / "f.csv"
        path.write_text("old")
        place = AtomicFile(str(path))
        place.open()
        place.write("new é\r\n")
        place.flush()
        assert path.read_text() == "old"
        place.commit()
        assert path.read_bytes() == "new é\r\n".encode()
        assert names(tmp_path) == ["f.csv"]

    def test_discard_leaves_the_old_file_alone_and_nothing_else(self, tmp_path: Path) -> None:
        path = tmp_path / "f.csv"
        path.write_text("old")
        place = AtomicFile(str(path))
        place.discard()
        place.open()
        place.write("new")
        place.discard()
        place.discard()
        assert path.read_text() == "old"
        assert names(tmp_path) == ["f.csv"]

    def test_discard_after_commit_keeps_the_file(self, tmp_path: Path) -> None:
        place = AtomicFile(str(tmp_path / "f.csv"))
        place.open()
        place.commit()
        place.discard()
        assert names(tmp_path) == ["f.csv"]

    def test_a_link_stays_a_link(self, tmp_path: Path) -> None:
        (tmp_path / "there").mkdir()
        real, link = tmp_path / "there" / "real.csv", tmp_path / "link.csv"
        link.symlink_to(real)
        place = AtomicFile(str(link))
        place.open()
        place.write("x")
        place.commit()
        assert link.is_symlink()
        assert real.read_text() == "x"

    def test_the_mode_of_an_existing_file_is_kept(self, tmp_path: Path) -> None:
        path = tmp_path / "f.csv"
        path.touch()
        path.chmod(0o640)
        place = AtomicFile(str(path))
        place.open()
        place.commit()
        assert path.stat().st_mode & 0o777 == 0o640

    def test_a_new_file_obeys_the_umask(self, tmp_path: Path) -> None:
        before = os.umask(0o027)
        try:
            place = AtomicFile(str(tmp_path / "f.csv"))
            place.open()
            place.commit()
        finally:
            os.umask(before)
        assert (tmp_path / "f.csv").stat().st_mode & 0o777 == 0o640

    def test_a_failure_in_the_middle_leaves_nothing(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def full(_: int) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        place = AtomicFile(str(tmp_path / "f.csv"))
        place.open()
        monkeypatch.setattr("scanner.files.atomic.os.fsync", full)
        with pytest.raises(OutputFailed, match=r"f\.csv: cannot be written: no space left on device; make room"):
            place.commit()
        assert names(tmp_path) == []

    @pytest.mark.parametrize(
        ("path", "words"),
        [
            ("nowhere/f.csv", "no such file or directory; make its folder first"),
            (".", "is a directory; name a file in it"),
            ("file/f.csv", "not a directory"),
            ("f" * 300, "file name too long"),
            ("a\0b", "cannot be written"),
        ],
    )
    def test_a_place_that_cannot_be_is_known_before(self, tmp_path: Path, path: str, words: str) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(OutputFailed, match=words) as failure:
            AtomicFile(str(tmp_path / path)).open()
        assert len(str(failure.value).splitlines()) == 1
        assert str(failure.value).isprintable()
        assert names(tmp_path) == ["file"]


LIMITED = """
import resource, sys
from scanner.core.errors import OutputFailed
from scanner.files.atomic import AtomicFile
place = AtomicFile(sys.argv[1])
place.open()
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    for _ in range(10000):
        place.write("0123456789\\n")
    place.commit()
except OutputFailed as failure:
    print(failure)
"""


def test_a_full_disk_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_text("old")
    ran = subprocess.run([sys.executable, "-c", LIMITED, str(path)], capture_output=True, text=True, check=True)
    assert (
        ran.stdout == f"{path}: cannot be written: file too large; raise the limit on the size of files (ulimit -f)\n"
    )
    assert ran.stderr == ""
    assert path.read_text() == "old"
    assert names(tmp_path) == ["f.csv"]


@pytest.mark.skipif(not hasattr(os, "O_TMPFILE"), reason="needs files without a name")
def test_a_killed_process_leaves_nothing(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys; from scanner.files.atomic import AtomicFile; place = AtomicFile(sys.argv[1]); "
        "place.open(); place.write('x' * 100000); os.kill(os.getpid(), signal.SIGKILL)"
    )
    ran = subprocess.run([sys.executable, "-c", code, str(tmp_path / "f.csv")], check=False)
    assert ran.returncode == -signal.SIGKILL
    assert names(tmp_path) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
@pytest.mark.parametrize(("mode", "old"), [(0o555, None), (0o777, 0o444)], ids=["folder", "file"])
def test_without_the_right_to_write(tmp_path: Path, mode: int, old: int | None) -> None:
    for folder in (tmp_path, *list(tmp_path.parents)[:2]):
        folder.chmod(0o755)
    place = tmp_path / "there"
    place.mkdir()
    if old is not None:
        (place / "f.csv").touch()
        (place / "f.csv").chmod(old)
    place.chmod(mode)
    before = names(place)
    with as_nobody(), pytest.raises(OutputFailed, match="permission denied; choose a folder that you may write to"):
        AtomicFile(str(place / "f.csv")).open()
    assert names(place) == before


@contextlib.contextmanager
def as_nobody() -> Iterator[None]:
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_what_a_path_means(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for path in ("-", "/dev/stdout", "/dev/fd/1"):
        assert isinstance(destination_for(path), StandardStream)
    for path in ("/dev/null", "/dev/full", "/dev/stderr", "/dev/fd/63", str(tmp_path / "fifo")):
        assert isinstance(destination_for(path), Device)
    for path in ("f.csv", str(tmp_path / "new"), str(tmp_path), "a\0b"):
        assert isinstance(destination_for(path), AtomicFile)


def test_a_device_is_written_to_and_not_replaced() -> None:
    place = destination_for("/dev/null")
    place.open()
    place.write("x")
    place.commit()
    assert Path("/dev/null").is_char_device()


def test_a_full_device_says_so() -> None:
    place = destination_for("/dev/full")
    place.open()
    place.write("x")
    with pytest.raises(OutputFailed, match="/dev/full: cannot be written: no space left on device"):
        place.commit()


def test_a_fifo_without_reader_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(OutputFailed, match="start its reader first"):
        destination_for(str(tmp_path / "fifo")).open()


def test_a_fifo_with_a_reader_gets_everything(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    reader = os.open(tmp_path / "fifo", os.O_RDONLY | os.O_NONBLOCK)
    place = destination_for(str(tmp_path / "fifo"))
    place.open()
    place.write("hello")
    place.commit()
    assert os.read(reader, 100) == b"hello"
    os.close(reader)


def test_standard_output_gets_utf8_whatever_its_own_encoding(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    place = destination_for("-")
    place.open()
    place.write("é\r\n")
    place.commit()
    assert raw.getvalue() == "é\r\n".encode()


def test_no_standard_output_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    with pytest.raises(OutputFailed, match="standard output is closed"):
        destination_for("-").open()


HEAD = """
import sys
from scanner.outputs.destination import destination_for
place = destination_for("-")
place.open()
while not place.reader_gone:
    place.write("line\\n" * 1000)
    place.flush()
place.write("more")
place.commit()
print("gone", file=sys.stderr)
"""


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_leaves_is_no_failure(unbuffered: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", HEAD],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": unbuffered},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "line\n"
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == "gone\n"
    assert process.wait() == 0
    process.stderr.close()


def test_two_outputs_collide_in_one_file_or_stream_but_not_in_a_device(tmp_path: Path) -> None:
    file, link = tmp_path / "f.csv", tmp_path / "link.csv"
    link.symlink_to(file)
    assert collide(str(file), str(link))
    assert collide("-", "/dev/stdout")
    assert not collide(str(file), "-")
    assert not collide(str(file), str(tmp_path / "g.csv"))
    assert not collide(os.devnull, os.devnull)
