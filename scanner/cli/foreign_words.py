"""The words of other scanners: each is understood, or answered in one line with what to use here instead.

People come with nmap, masscan, zmap or naabu in their fingers. A parser that reads `-oA NAME` as `-o A` and a target
called NAME would probe a host that was never meant. So the words after `scan` pass through here before typer reads
them: a word of ours goes on with its value, a foreign word is translated or refused by the tables below, and every
other word that begins with a single dash is refused, so that no short option swallows its own tail.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from types import MappingProxyType

from scanner.core.errors import InvalidInput
from scanner.core.sanitise import sanitise


@dataclass(frozen=True, slots=True)
class Translation:
    """A foreign word that means something here."""

    words: tuple[str, ...] = ()
    """What it means; `{}` stands for its value."""
    takes_value: bool = False
    """Whether the next word is its value."""
    help: str = ""
    """What the help says of it; empty where it changes nothing."""


def _accepted(text: str = "") -> Translation:
    return Translation(help=text)


UNDERSTOOD: Mapping[str, Translation] = MappingProxyType(
    {
        "-sT": Translation(("--engine", "connect"), help="connect engine"),
        "-sS": Translation(("--engine", "syn"), help="SYN engine"),
        "-F": Translation(("--top-ports", "100"), help="the 100 ports most often open"),
        "-V": Translation(("--version",), help="show the version"),
        "-oA": Translation(
            ("--format", "nmap-xml={}.xml", "--format", "jsonl={}.jsonl", "--format", "csv={}.csv"),
            takes_value=True,
            help="BASE.xml, BASE.jsonl and BASE.csv",
        ),
        "-oJ": Translation(("--format", "jsonl={}"), takes_value=True, help="JSON lines"),
        "--output-format": Translation(("--format", "{}"), takes_value=True),
        "--banners": Translation(("--identify",)),
        "--send-eth": Translation(("--engine", "syn")),
        "--privileged": Translation(("--engine", "syn")),
        "--unprivileged": Translation(("--engine", "connect")),
        "--adapter": Translation(("--interface", "{}"), takes_value=True),
        "--max-rtt-timeout": Translation(("--timeout", "{}"), takes_value=True),
        "-Pn": _accepted("no ping (there is none anyway)"),
        "-n": _accepted("no reverse look-ups (there are none anyway)"),
        "--open": _accepted("the table shows open ports only anyway"),
        "--reason": _accepted("CSV, JSON and XML carry the reason anyway"),
    }
)
"""Words of other tools that are translated or change nothing here."""

_EVASION = "decoys, spoofed sources and fragments are not offered: this tool is for networks that you may test"
_NO_PING = "there is no host discovery by ping; --discover skips addresses where nothing answers on a few ports"
_NO_SCRIPTS = "there are no scripts; --identify finds out what listens"
_ONE_RATE = "the rate is one ceiling for all: --rate N, and --host-rate N for each address"
_PROGRESS = "progress is shown on a terminal; --json follows a scan line by line"
_LISTS = "use -oX FILE (XML), --csv or --json"

REFUSED: Mapping[str, str] = MappingProxyType(
    {
        "-sn": _NO_PING,
        "-sP": _NO_PING,
        "-sA": "ACK scans are not offered; -sS and -sT are",
        "-sW": "window scans are not offered; -sS and -sT are",
        "-sF": _EVASION,
        "-sN": _EVASION,
        "-sX": _EVASION,
        "-sI": _EVASION,
        "-sO": "IP protocol scans are not offered",
        "-sC": _NO_SCRIPTS,
        "--script": _NO_SCRIPTS,
        "--script-args": _NO_SCRIPTS,
        "-A": "use --identify; there is no OS detection, no script and no traceroute",
        "-O": "there is no OS detection; --identify names services",
        "--traceroute": "there is no traceroute",
        "-r": "the order is random; --seed N repeats it",
        "-R": "addresses are not looked up; name hosts by name to see their names",
        "-d": "use -v",
        "--packet-trace": "use --pcap FILE with --engine syn",
        "-f": _EVASION,
        "-D": _EVASION,
        "-S": _EVASION,
        "-g": _EVASION,
        "--mtu": _EVASION,
        "--source-port": _EVASION,
        "--spoof-mac": _EVASION,
        "--data": _EVASION,
        "--data-length": _EVASION,
        "--data-string": _EVASION,
        "--badsum": _EVASION,
        "--ttl": _EVASION,
        "--ip-options": _EVASION,
        "--proxies": _EVASION,
        "--randomize-hosts": "the order is random anyway",
        "-iR": "random targets are not offered: name what you may test",
        "--min-rate": _ONE_RATE,
        "--min-parallelism": _ONE_RATE,
        "--max-parallelism": _ONE_RATE,
        "--min-hostgroup": _ONE_RATE,
        "--max-hostgroup": _ONE_RATE,
        "--scan-delay": _ONE_RATE,
        "--max-scan-delay": _ONE_RATE,
        "--batch-size": _ONE_RATE,
        "--initial-rtt-timeout": "use --timeout SECONDS",
        "--min-rtt-timeout": "use --timeout SECONDS",
        "--host-timeout": "use --timeout SECONDS and --retries N",
        "--stats-every": _PROGRESS,
        "--resume": "use `scanner resume`, which knows the sweeps in the history",
        "--append-output": "every run writes whole files; `scanner history` keeps all runs",
        "-oN": "the table goes to standard output: > FILE",
        "-oG": _LISTS,
        "-oL": _LISTS,
        "-oS": _LISTS,
        "-oH": _LISTS,
        "-oB": _LISTS,
        "--version-intensity": "--identify stops as soon as it knows",
        "--version-light": "--identify stops as soon as it knows",
        "--version-all": "--identify stops as soon as it knows",
        "--dns-servers": "names are resolved by this system's resolver",
        "--system-dns": "names are resolved by this system's resolver",
        "--range": "name targets as plain words",
        "--router-mac": "the kernel's routes and neighbours are used",
        "--wait": "use --timeout SECONDS",
        "--port-ratio": "use --top-ports N",
    }
)
"""Words of other tools that mean nothing here, with what to use instead."""

_PING = re.compile(r"-P[SAUYEPMOR]?[0-9,-]*")
_PACE = re.compile(r"-T([0-5]|paranoid|sneaky|polite|normal|aggressive|insane)")
_PACE_NAMES = ("paranoid", "sneaky", "polite", "normal", "aggressive", "insane")
_PACE_NUMBERS = frozenset("012345")
_COUNTED = re.compile(r"-[vq]+")
_PORTS = re.compile(r"[0-9]{1,5}(?:[-,][0-9]{1,5})*")
_ENGINES = frozenset({"-sT", "-sS"})


@dataclass(frozen=True, slots=True)
class OwnFlag:
    """A flag of the command."""

    takes_value: bool
    """Whether the next word is its value."""


def translate(words: Sequence[str], own: Mapping[str, OwnFlag]) -> list[str]:
    """Return a scan's words with those of other scanners translated; `own` are the command's flags.

    Raises:
        InvalidInput: a word that means nothing here, with what to use instead.
    """
    _check_engines(words)
    return list(_translated(_ports_apart(words), own))


def _ports_apart(words: Iterable[str]) -> Iterator[str]:
    """Write `-p22` as `-p 22`, as every other word is written."""
    for word in words:
        yield from ("-p", word[2:]) if word.startswith("-p") and word != "-p" else (word,)


def _translated(words: Iterator[str], own: Mapping[str, OwnFlag]) -> Iterator[str]:
    ports = ""
    for word in words:
        if word == "--":
            yield word
            yield from words
            return
        flag, _, _ = word.partition("=")
        if flag in own and (flag == word or flag.startswith("--")):
            value = next(words, None) if own[flag].takes_value and flag == word else None
            ports = value or ports if flag in ("-p", "--ports") else ports
            yield from (word,) if value is None else (word, value)
        elif word.startswith("-") and word != "-":
            yield from _foreign(word, words, own)
        elif _PORTS.fullmatch(word) and ports:
            raise InvalidInput(f"{word!r} is not a target", where="TARGET", cure=f"did you mean -p {ports},{word}?")
        else:
            yield word


def _foreign(word: str, words: Iterator[str], own: Mapping[str, OwnFlag]) -> Iterator[str]:
    flag, _, given = word.partition("=")
    if flag in UNDERSTOOD:
        yield from _understood(flag, given, words)
    elif pace := _PACE.fullmatch(word):
        yield from _paced(pace[1])
    elif word == "-T":
        yield from _paced(next(words, ""))
    elif _COUNTED.fullmatch(word):
        yield from (f"-{letter}" for letter in word[1:])
    elif flag in REFUSED or _PING.fullmatch(word):
        raise InvalidInput(REFUSED.get(flag, _NO_PING), where=sanitise(flag, limit=40))
    else:
        raise _unknown(flag, own)


def _understood(flag: str, given: str, words: Iterator[str]) -> Iterator[str]:
    meant = UNDERSTOOD[flag]
    value = given or (next(words, "") if meant.takes_value else "")
    if meant.takes_value and not value:
        raise InvalidInput("the value is missing", where=flag, cure=f"write {flag} VALUE")
    yield from (each.replace("{}", value) for each in meant.words)


def _paced(pace: str) -> tuple[str, ...]:
    number = str(_PACE_NAMES.index(pace)) if pace in _PACE_NAMES else pace
    if number not in _PACE_NUMBERS:
        raise InvalidInput(f"{sanitise(pace, limit=40)!r} is not a pace", where="-T", cure="write -T0 to -T5")
    return ("--pace", number)


def _unknown(flag: str, own: Mapping[str, OwnFlag]) -> InvalidInput:
    near = _nearest(flag, [*own, *UNDERSTOOD])
    cure = f"did you mean {near}?" if near else "`scanner scan --help` lists the options"
    return InvalidInput("no such option", where=sanitise(flag, limit=40), cure=cure)


def _nearest(flag: str, known: Collection[str]) -> str:
    if f"-{flag}" in known:  # naabu writes long options with one dash
        return f"-{flag}"
    return next(iter(get_close_matches(flag, known, n=1, cutoff=0.75)), "")


def _check_engines(words: Sequence[str]) -> None:
    """Refuse two engines: typer would take the last one without a word."""
    named = [word for word in words if word in _ENGINES]
    named += [words[place + 1] for place, word in enumerate(words[:-1]) if word == "--engine"]
    meant = {UNDERSTOOD[word].words[1] if word in UNDERSTOOD else word for word in named} - {"auto"}
    if len(meant) > 1:
        raise InvalidInput("two engines are named", where="-sT/-sS/--engine", cure="choose one")


Targets = Callable[[str], bool]
"""Whether a word looks like a target."""


def first_word(word: str, commands: Collection[str], *, is_target: Targets) -> InvalidInput | None:
    """Return what is wrong with the first word of a command line, if something is."""
    if word.startswith("-") or word in commands:
        return None
    near = next(iter(get_close_matches(word, commands, n=1, cutoff=0.7)), "")
    shown = sanitise(word, limit=60)
    if near:
        return InvalidInput(f"{shown!r} is not a command", cure=f"did you mean `scanner {near}`?")
    if is_target(word):
        return InvalidInput(f"{shown!r} is not a command", cure=f"did you mean `scanner scan {shown}`?")
    return InvalidInput(f"{shown!r} is not a command", cure="`scanner --help` lists them")
