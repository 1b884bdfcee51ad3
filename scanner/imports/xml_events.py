"""The elements of an XML file as they begin and end, in bounded memory, with their lines.

expat itself, from the standard library: no tree is built, no file or address is ever opened (external entities are not
read), and a file that declares an entity is refused where it does: no scanner writes one, and a few nested ones fill
any memory. defusedxml does the same around a tree builder; here there is no tree to guard.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple
from xml.parsers import expat

from scanner.imports.interface import Source

XML_CHUNK_BYTES = 1 << 16
"""Bytes that are parsed at a time."""
LONGEST_PIECE = 8 << 20
"""Bytes of one tag, comment or attribute; longer scripts' outputs are in no file of a scanner."""
DEEPEST = 60
"""Levels of elements."""


class XmlEvent(NamedTuple):
    """An element that begins or ends."""

    begins: bool
    """Whether it begins."""
    name: str
    """Its name."""
    attributes: Mapping[str, str]
    """Its attributes; empty where it ends."""
    line: int
    """The line."""


def xml_events(source: Source) -> Iterator[XmlEvent]:
    """Yield every element's beginning and end. Raises InvalidInput with the line for what is not well-formed."""
    source.stream.seek(0)
    parser = expat.ParserCreate()
    parser.buffer_text = False
    found: list[XmlEvent] = []
    depth = 0

    def begin(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > DEEPEST:
            raise source.refuse(parser.CurrentLineNumber, "is nested too deeply")
        found.append(XmlEvent(True, name, attributes, parser.CurrentLineNumber))

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        found.append(XmlEvent(False, name, {}, parser.CurrentLineNumber))

    def entity(*_: object) -> None:
        raise source.refuse(parser.CurrentLineNumber, "declares an XML entity, which no scanner does")

    parser.StartElementHandler, parser.EndElementHandler, parser.EntityDeclHandler = begin, end, entity
    fed = 0
    while True:
        raw = source.stream.read(XML_CHUNK_BYTES)
        _parse(source, parser, raw)
        yield from found
        found.clear()
        if not raw:
            return
        fed += len(raw)
        if fed - max(parser.CurrentByteIndex, 0) > LONGEST_PIECE:
            raise source.refuse(parser.CurrentLineNumber, f"one tag is longer than {LONGEST_PIECE >> 20} MiB")


def _parse(source: Source, parser: expat.XMLParserType, raw: bytes) -> None:
    try:
        parser.Parse(raw, not raw)
    except expat.ExpatError as error:
        cut = error.code in (expat.errors.codes[expat.errors.XML_ERROR_NO_ELEMENTS],) or not raw
        problem = "the file is truncated" if cut else f"is not XML: {expat.ErrorString(error.code)}"
        raise source.refuse(error.lineno, problem) from None
