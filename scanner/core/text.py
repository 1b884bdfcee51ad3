"""Bytes of a file that a person wrote, as text. One set of messages for every such file: lists, TOML, the registry.

Text is UTF-8, with or without a byte-order mark, and with either kind of line ends. UTF-16, which Windows tools write
unasked, is recognised by its byte-order mark and refused with the way to convert it; a NUL byte means that the file
is not text at all. The line is named wherever there is one.
"""

from scanner.core.errors import InvalidInput

_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


def decode_text(data: bytes, name: str) -> str:
    """Return `data` as text, its line ends as they are; `name` is what errors call the file.

    Raises:
        InvalidInput: the bytes are UTF-16, hold a NUL, or are not UTF-8; with the line.
    """
    if data.startswith(_UTF16_MARKS):
        raise InvalidInput(
            "is UTF-16 text", where=name, cure="save it as UTF-8, or convert it: iconv -f UTF-16 -t UTF-8 FILE"
        )
    if b"\0" in data:
        raise InvalidInput("holds a NUL byte, so it is not a text file", where=_at(name, data, data.index(b"\0")))
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInput("is not UTF-8 text", where=_at(name, data, error.start)) from None


def _at(name: str, data: bytes, offset: int) -> str:
    line = data.count(b"\n", 0, offset) + 1
    return f"{name}:{line}"
