"""Reading what people name: files whatever Windows wrote into them, and nothing that hangs or is no file."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from scanner.core.errors import InvalidInput, OutOfScope, RegistryUnusable, ScannerError
from scanner.files.text import read_bytes, read_text

MOST = 1000


def complaint(path: Path | str, most: int = MOST) -> str:
    with pytest.raises(InvalidInput) as caught:
        read_text(path, most=most)
    return str(caught.value)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "list.txt"


def test_a_byte_order_mark_and_windows_line_ends_are_taken_away(file: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbfa\r\nb\r\n")
    assert read_text(file, most=MOST) == "a\nb\n"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf_16_with_its_mark_is_named_as_such_with_the_way_to_convert_it(file: Path, encoding: str) -> None:
    text = "10.0.0.1\r\n" if encoding == "utf-16" else "\ufeff10.0.0.1\r\n"
    file.write_bytes(text.encode(encoding))
    assert complaint(file) == f"{file}: is UTF-16 text; save it as UTF-8, or convert it: iconv -f UTF-16 -t UTF-8 FILE"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"a\nb\0", ":2: holds a NUL byte, so it is not a text file"),
        (b"a\n\n\xff\n", ":3: is not UTF-8 text"),
        (b"x" * (MOST + 1), ": is larger than 0 MiB; check that it is the right file"),
    ],
)
def test_what_is_no_text_is_refused_with_the_line(file: Path, data: bytes, words: str) -> None:
    file.write_bytes(data)
    assert complaint(file) == f"{file}{words}"


def test_a_file_as_large_as_the_bound_is_read(file: Path) -> None:
    file.write_bytes(b"x" * MOST)
    assert len(read_bytes(file, most=MOST)) == MOST


def test_a_fifo_without_a_writer_is_refused_and_not_waited_for(file: Path) -> None:
    os.mkfifo(file)
    assert complaint(file) == f"{file}: cannot be read: it is a FIFO; name a file"


def test_folders_sockets_and_devices_are_refused_by_their_kind(file: Path) -> None:
    assert complaint(file.parent) == f"{file.parent}: cannot be read: it is a folder; name a file"
    assert complaint("/dev/zero") == "/dev/zero: cannot be read: it is a device; name a file"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(file))
        assert "cannot be read" in complaint(file)


def test_the_null_device_is_an_empty_file() -> None:
    assert read_text(os.devnull, most=MOST) == ""


def test_a_file_that_is_not_there_and_a_path_with_a_nul_are_one_line(file: Path) -> None:
    assert complaint(file) == f"{file}: cannot be read: no such file or directory"
    assert "cannot be read" in complaint("a\0b")


READ = "import sys; from scanner.files.text import read_text; print(read_text(sys.argv[1], most=100), end='')"


@pytest.mark.parametrize("name", ["-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"])
def test_standard_input_is_read_by_each_of_its_names_though_it_is_a_pipe(name: str) -> None:
    command = [sys.executable, "-c", READ, name]
    done = subprocess.run(command, input=b"a\r\n", capture_output=True, check=True, timeout=60)
    assert done.stdout == b"a\n"


@pytest.mark.parametrize("name", ["\x1b]52;c;x\x07.toml", "a\u202eb", "line\nbreak", os.fsdecode(b"\xff")])
def test_a_file_name_reaches_a_terminal_without_unseen_characters(tmp_path: Path, name: str) -> None:
    line = complaint(tmp_path / name)
    assert line.isprintable()
    assert line.encode()
    assert "cannot be read" in line


@pytest.mark.parametrize("error", [ScannerError, InvalidInput, OutOfScope, RegistryUnusable])
def test_every_error_of_ours_is_one_sanitised_line(error: type[ScannerError]) -> None:
    assert str(error("a\x1b[2Jb\nc")) == "a\\x1b[2Jb\\nc"
