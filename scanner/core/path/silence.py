"""What silence means: a state machine for each host and each way out, as a table. API first."""

from enum import Enum


class Silence(Enum):
    """What is known of one host or way out."""

    UNPROVEN = "unproven"
    """Nothing has ever answered: silence proves nothing, there are no canaries."""
    ALIVE = "alive"
    """The last canary answered."""
    DOUBTED = "doubted"
    """A canary did not answer within its deadline; more are asked at once."""
    SILENT = "silent"
    """All canaries of a round were lost: endpoints since the last good one are unknown."""
    GIVEN_UP = "given-up"
    """Silent for longer than is worth waiting: exit 3."""


class Event(Enum):
    """What may happen to it."""

    ANSWERED = "answered"
    """Any validated TCP answer (a reset is as good as a SYN-ACK)."""
    CANARY_LOST = "canary-lost"
    """A canary's deadline passed without an answer."""
    ROUND_LOST = "round-lost"
    """All canaries of a doubtful round were lost."""
    PATIENCE_OVER = "patience-over"
    """It was silent longer than it is worth to wait."""
