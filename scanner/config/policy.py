"""The policy file: TOML that an auditor and an operator write together.

    name = "Small office"

    [[expect]]
    networks = ["10.0.1.0/24"]        # or hosts = ["web.office.example"], or both
    ports = [22, "https", "8000-8010", "U:53"]
    required = [443]                  # must be open; expected as well
    services = { 22 = "ssh", 443 = "https" }    # what must answer there; or for all ports: service = "http"
    owner = "IT"
    note = "web servers"

    [[exception]]
    networks = ["10.0.1.17"]
    ports = [8080]
    ticket = "OPS-123"
    expires = 2026-12-31              # its last day, to midnight here; or a moment, 2026-12-31T18:00:00+01:00
    owner = "Dana"

    [[expect]]
    networks = ["10.0.1.1"]
    ports = ["U:51820"]
    silent = true                     # answers no stranger: WireGuard, syslog; its silence is as it should be
    owner = "IT"

    [[accepted]]                      # single findings that count no more; `scanner accept` writes these
    rules = ["open-database"]
    networks = ["10.0.1.20"]
    ports = [6379]                    # without ports: every port
    ticket = "OPS-124"
    expires = 2026-12-31
    owner = "Dana"

    [severity]                        # only where a rule's own severity does not fit
    open-dynamic = "high"

Ports are written as for `-p`. `name` gives an entry a label of its own, shown as `policy_entry` in the CSV.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import date, datetime, tzinfo
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from scanner.config.local_zone import local_zone
from scanner.config.port_words import PortWord
from scanner.core.errors import InvalidInput
from scanner.core.model import Address, PortKey, Severity, Transport
from scanner.core.policy.policy import Acceptance, Entry, EntryKind, Policy
from scanner.core.recognise.names import is_service_word
from scanner.core.registry.registry import Registry
from scanner.core.targets.ports import parse_port_words
from scanner.core.targets.ranges import address_span, network_span
from scanner.core.targets.targets import HostName, Word, parse_target
from scanner.files.toml import NetworkText, NonEmptyText, TomlFile, read_toml

Resolve: TypeAlias = Callable[[Collection[str]], Mapping[str, Sequence[Address]]]
"""Finds the addresses of host names; leaves out those that have none."""


RULES_CURE = "`scanner rule` lists them"


def _host_text(text: str) -> str:
    try:
        meant = parse_target(Word(text, ""))
    except InvalidInput as error:
        raise ValueError(error.problem) from None
    if not isinstance(meant, HostName):
        raise ValueError(f"{text!r} is an address: list it under networks")  # noqa: TRY004 - pydantic's way
    return text.rstrip(".").lower()


def _severity(word: Any) -> Any:
    names = {severity.word: severity for severity in Severity}
    if word not in names:
        raise ValueError(f"is not one of {', '.join(names)}")
    return word


def _service_word(word: str) -> str:
    word = word.lower()
    if not is_service_word(word):
        raise ValueError(f"{word!r} is not a service that --identify recognises; write ssh, http, https ...")
    return word


class EntryKeys(BaseModel):
    """The keys that all kinds of entries have."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    _needs_ports: ClassVar[bool] = True

    name: str = Field("", max_length=200)
    networks: list[NetworkText] = []
    hosts: list[Annotated[str, AfterValidator(_host_text)]] = []
    ports: list[PortWord] = []
    owner: NonEmptyText
    note: str = ""
    review: bool = False
    silent: bool = False
    service: Annotated[str, AfterValidator(_service_word)] = ""
    services: dict[str, Annotated[str, AfterValidator(_service_word)]] = {}

    @model_validator(mode="after")
    def _speaks_of_something(self) -> Self:
        if not (self.networks or self.hosts):
            raise ValueError("names neither networks nor hosts")
        if self._needs_ports and not (self.ports or getattr(self, "required", None)):
            raise ValueError("names no ports")
        if self.silent and not any(isinstance(word, str) for word in self.ports + getattr(self, "required", [])):
            raise ValueError("silent is for UDP services (U:51820): TCP services always answer")
        return self


class ExpectKeys(EntryKeys):
    """The keys of an `[[expect]]` entry."""

    required: list[PortWord] = []


class ExceptionKeys(EntryKeys):
    """The keys of an `[[exception]]` entry."""

    ticket: NonEmptyText
    expires: datetime | date


class AcceptedKeys(ExceptionKeys):
    """The keys of an `[[accepted]]` entry. Without ports it speaks of every port."""

    _needs_ports: ClassVar[bool] = False

    rules: Annotated[list[NonEmptyText], Field(min_length=1)]


class PolicyKeys(BaseModel):
    """The keys of a policy file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field("", max_length=200)
    expect: list[ExpectKeys] = []
    exception: list[ExceptionKeys] = []
    accepted: list[AcceptedKeys] = []
    severity: dict[str, Annotated[str, AfterValidator(_severity)]] = {}


def read_policy(
    path: Path,
    registry: Callable[[], Registry],
    *,
    resolve: Resolve = lambda _names: {},
    rules: Collection[str] | None = None,
    zone: tzinfo | None = None,
) -> Policy:
    """Read a policy file.

    `registry` is asked for service names only; `resolve` for the addresses of host names; `rules` are the ids
    that `[severity]` may name; `zone` is where days end, by default the zone of this machine.

    Raises:
        InvalidInput: with file, line and key path.
    """
    file = read_toml(path, PolicyKeys)
    content = file.content
    for rule in content.severity:
        if rules is not None and rule not in rules:
            raise file.wrong("there is no such rule", "severity", rule, cure=RULES_CURE)
    for place, accepted in enumerate(content.accepted):
        for number, rule in enumerate(accepted.rules):
            if rules is not None and rule not in rules:
                raise file.wrong("there is no such rule", "accepted", place, "rules", number, cure=RULES_CURE)
    names = {host for keys in (*content.expect, *content.exception, *content.accepted) for host in keys.hosts}
    addresses = resolve(sorted(names)) if names else {}
    zone = zone or local_zone()
    reader = _Reader(file, registry, addresses, zone)
    return Policy(
        content.name or path.name,
        [reader.entry(*each) for each in _in_file_order(file)],
        severities={rule: Severity[word.upper()] for rule, word in content.severity.items()},
        sha256=file.sha256,
        zone=zone,
        accepted=[
            Acceptance(reader.entry(EntryKind.ACCEPTED, place, keys), frozenset(keys.rules))
            for place, keys in enumerate(content.accepted)
        ],
    )


def _in_file_order(file: TomlFile[PolicyKeys]) -> list[tuple[EntryKind, int, EntryKeys]]:
    found: list[tuple[EntryKind, int, EntryKeys]] = [
        *((EntryKind.EXPECT, place, keys) for place, keys in enumerate(file.content.expect)),
        *((EntryKind.EXCEPTION, place, keys) for place, keys in enumerate(file.content.exception)),
    ]
    return sorted(found, key=lambda each: file.line(each[0].value, each[1]) or 0)


class _Reader:
    """Turns checked keys into entries."""

    def __init__(
        self,
        file: TomlFile[PolicyKeys],
        registry: Callable[[], Registry],
        addresses: Mapping[str, Sequence[Address]],
        zone: tzinfo,
    ) -> None:
        self._file, self._registry, self._addresses, self._zone = file, registry, addresses, zone

    def entry(self, kind: EntryKind, place: int, keys: EntryKeys) -> Entry:
        spans = [network_span(text) for text in keys.networks]
        spans += [address_span(each) for host in keys.hosts for each in self._addresses.get(host, ())]
        words = keys.required if isinstance(keys, ExpectKeys) else []
        required = self._ports(kind, place, "required", words)
        ports = required | self._ports(kind, place, "ports", keys.ports)
        line = self._file.line(kind.value, place)
        return Entry(
            label=keys.name or f"{kind}[{place + 1}]",
            kind=kind,
            networks=tuple(spans),
            hosts=frozenset(keys.hosts),
            ports=ports,
            required=required,
            owner=keys.owner,
            note=keys.note,
            ticket=keys.ticket if isinstance(keys, ExceptionKeys) else "",
            expires=self._expires(keys),
            review=keys.review,
            services=self._services(kind, place, keys, ports),
            silent=keys.silent,
            place=f"{self._file.path}:{line}" if line else str(self._file.path),
        )

    def _expires(self, keys: EntryKeys) -> date | None:
        if not isinstance(keys, ExceptionKeys):
            return None
        ends = keys.expires
        return ends.replace(tzinfo=self._zone) if isinstance(ends, datetime) and ends.tzinfo is None else ends

    def _services(
        self, kind: EntryKind, place: int, keys: EntryKeys, ports: frozenset[PortKey]
    ) -> Mapping[PortKey, str]:
        named = dict.fromkeys(ports, keys.service) if keys.service else {}
        for word, service in keys.services.items():
            where = self._file.where(kind.value, place, "services", word)
            for port in self._keys([Word(word, where)]):
                if port not in ports:
                    raise InvalidInput(f"{word} is none of the entry's ports", where=where, cure="add it to `ports`")
                named[port] = service
        return named

    def _ports(self, kind: EntryKind, place: int, key: str, words: Sequence[int | str]) -> frozenset[PortKey]:
        places = (self._file.where(kind.value, place, key, number) for number in range(len(words)))
        return self._keys(map(Word, map(str, words), places))

    def _keys(self, words: Iterable[Word]) -> frozenset[PortKey]:
        ports = parse_port_words(words, self._registry)
        return frozenset(
            PortKey(transport, port)
            for transport, numbers in ((Transport.TCP, ports.tcp), (Transport.UDP, ports.udp))
            for port in numbers
        )
