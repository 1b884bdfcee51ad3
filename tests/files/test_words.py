"""Files of words: what Windows tools write is accepted, what is no text is refused with the place."""

import tracemalloc
from pathlib import Path

import pytest

from scanner.app.prepare import understand
from scanner.core.errors import InvalidInput
from scanner.core.targets.ranges import network_span
from scanner.files.words import file_words


def words(path: Path, data: bytes) -> list[tuple[str, int]]:
    path.write_bytes(data)
    return [(word.text, int(word.where.rpartition(":")[2])) for word in file_words(str(path))]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"a b\nc\n", [("a", 1), ("b", 1), ("c", 2)]),
        (b"\xef\xbb\xbfa\r\nb\r\n", [("a", 1), ("b", 2)]),
        (b"# only a comment\n\n  a # why\n#b", [("a", 3)]),
        (b"", []),
    ],
)
def test_files_of_words(tmp_path: Path, data: bytes, expected: list[tuple[str, int]]) -> None:
    assert words(tmp_path / "hosts.txt", data) == expected


@pytest.mark.parametrize(
    ("data", "place", "said"),
    [(b"a\nb\0\n", ":2", "NUL"), (b"a\n\xff\xfe\n", ":2", "UTF-8"), (b"\x7fELF\0", ":1", "NUL")],
)
def test_binary_files_are_refused_with_the_line(tmp_path: Path, data: bytes, place: str, said: str) -> None:
    with pytest.raises(InvalidInput, match=said) as caught:
        words(tmp_path / "hosts.txt", data)
    assert f"hosts.txt{place}: " in str(caught.value)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    for path in (tmp_path / "none.txt", tmp_path):
        with pytest.raises(InvalidInput, match="cannot be read"):
            list(file_words(str(path)))


def test_an_address_and_its_mask_on_one_line_are_one_network_with_its_place(tmp_path: Path) -> None:
    data = b"10.0.0.0 255.255.255.240\n10.1.0.0\t0.0.0.255 # lab\n"
    assert words(tmp_path / "exclude.txt", data) == [("10.0.0.0/28", 1), ("10.1.0.0/24", 2)]


def test_a_line_that_could_mean_two_things_is_refused_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"exclude\.txt:2: '10\.0\.0\.0 10\.0\.0\.15' are the ends"):
        words(tmp_path / "exclude.txt", b"10.9.0.0/24\n10.0.0.0 10.0.0.15\n")


@pytest.mark.parametrize("part", [1, 3, 7, 1 << 20])
def test_a_list_is_read_in_parts_that_break_no_line_and_no_letter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: int
) -> None:
    monkeypatch.setattr("scanner.files.text._PART", part)
    data = "\ufeffa\r\nbü  c\n\n# é\nlast".encode()
    assert words(tmp_path / "hosts.txt", data) == [("a", 1), ("bü", 2), ("c", 2), ("last", 5)]
    for bad, said in ((b"a\nb\nc\0\n", ":3: holds a NUL"), (b"a\nb\n\xff\n", ":3: is not UTF-8")):
        with pytest.raises(InvalidInput, match=said):
            words(tmp_path / "hosts.txt", bad)


def test_a_long_list_of_neighbours_takes_little_more_room_than_its_file(tmp_path: Path) -> None:
    path = tmp_path / "hosts.txt"
    path.write_text("".join(f"10.1.{number >> 8}.{number & 255}\n" for number in range(1 << 16)) * 2)
    tracemalloc.start()
    spans, _ = understand(file_words(str(path)))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert spans == (network_span("10.1.0.0/16"),)
    assert peak < 24 << 20  # as a list of words: 40
