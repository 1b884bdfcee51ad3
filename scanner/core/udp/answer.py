"""What an answer from an endpoint means: is it proven, and what speaks.

The questions that were asked there are read first, those whose proof holds before the others; a protocol that was not
asked for is tried last. Any datagram from the endpoint to our port says that something is there; only the token says
that it received our question.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from scanner.core.recognise.identity import Conduct, Identity, ProtocolMatch, excerpt
from scanner.core.udp.catalogue import Catalogue
from scanner.core.udp.question import Question

_ECHO = ProtocolMatch("echo", detail="sends back what it is sent")


@dataclass(frozen=True, slots=True)
class AnswerMeaning:
    """What one answer says."""

    proven: bool
    """Whether it brought our token back."""
    identity: Identity
    """What speaks; without a protocol where nothing was recognised."""


def answer_meaning(catalogue: Catalogue, asked: Sequence[Question], token: bytes, answer: bytes) -> AnswerMeaning:
    """Return what `answer` says, from an endpoint with this token that was `asked` some questions."""
    names = tuple(dict.fromkeys(question.protocol for question in asked))
    if answer and any(answer == question.payload.of(token) for question in asked):
        return AnswerMeaning(
            any(question.is_proven_by(token, answer) for question in asked), _identity(_ECHO, answer, names)
        )
    proving = [question for question in asked if question.is_proven_by(token, answer)]
    for question in (*proving, *(each for each in asked if each not in proving)):
        match = question.read(answer)
        if match is not None:
            return AnswerMeaning(question in proving, _identity(match, answer, names))
    return AnswerMeaning(bool(proving), _identity(catalogue.recognise(answer), answer, names))


def _identity(match: ProtocolMatch | None, answer: bytes, asked: tuple[str, ...]) -> Identity:
    found = match or ProtocolMatch("")
    return Identity(
        Conduct.ANSWERED,
        found.protocol,
        found.product,
        found.version,
        found.detail,
        excerpt=excerpt(answer),
        asked=asked,
    )
