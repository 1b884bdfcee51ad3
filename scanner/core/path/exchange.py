"""What an engine and the watch over its paths say to each other: values, as columns of one length."""

from dataclasses import dataclass, fields
from enum import IntEnum

import numpy as np

from scanner.core.columns import F64, I64, U8, U16, U64, Indices, Mask, WaveIndices


@dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """Endpoints that answered an ordinary probe with TCP."""

    host: U64
    """The host's number."""
    path: I64
    """The way out by which the probe left."""
    version: U8
    """IP version."""
    high: U64
    """Upper half of the address."""
    low: U64
    """Lower half of it."""
    port: U16
    """The port that answered."""
    open: Mask
    """Whether by SYN-ACK, not by a reset."""
    sent_at: F64
    """When the try left that was answered."""
    tries: I64
    """Which try it was, from 1."""

    def __len__(self) -> int:
        return len(self.port)


@dataclass(frozen=True, slots=True, eq=False)
class Ask:
    """Canaries to ask."""

    ticket: Indices
    """The number by which each is named."""
    row: I64
    """The row of its host."""
    path: I64
    """Its way out."""
    host: U64
    """The host's number."""
    version: U8
    """IP version."""
    high: U64
    """Upper half of its address."""
    low: U64
    """Lower half of it."""
    port: U16
    """TCP port."""
    open: Mask
    """Whether it answered SYN-ACK when it was last heard of."""

    def __len__(self) -> int:
        return len(self.ticket)

    def __getitem__(self, places: Indices | WaveIndices | Mask | slice) -> "Ask":
        return Ask(*(getattr(self, each.name)[places] for each in fields(self)))


@dataclass(frozen=True, slots=True, eq=False)
class Echo:
    """Canaries that answered, for the arithmetic of rates."""

    host: U64
    """The number of each one's host."""
    path: I64
    """Its way out."""
    sent_at: F64
    """When it left."""


@dataclass(frozen=True, slots=True, eq=False)
class Fallen:
    """Who has just fallen silent, or was just given up."""

    paths: Indices
    """Ways out."""
    hosts: U64
    """Hosts, by number."""

    def __bool__(self) -> bool:
        return bool(len(self.paths) or len(self.hosts))


class Gate(IntEnum):
    """Whether an endpoint may be probed."""

    GO = 0
    """Yes."""
    WAIT = 1
    """Its host or its way is silent at the moment."""
    LOST = 2
    """It was given up: `Watch.codes` says why."""


def last_of_each(numbers: I64, scratch: I64) -> Indices:
    """The last place of each number that occurs, without sorting; `scratch` is longer than the highest of them."""
    places = np.arange(len(numbers))
    scratch[numbers] = places
    return np.flatnonzero(scratch[numbers] == places)
