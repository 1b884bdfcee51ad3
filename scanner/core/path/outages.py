"""When hosts and ways out were silent: tries made then do not count.

An outage reaches from the last probe that was answered before it to the first one that was answered after it. Outages
are rare, so they are kept as lists, the latest few of each subject.
"""

from math import inf

import numpy as np

from scanner.core.columns import F64, Indices, Mask

_KEPT = 16


class Outages:
    """Spans of silence of many subjects. Times in seconds on a monotonic clock."""

    def __init__(self) -> None:
        self._spans: dict[int, list[tuple[float, float]]] = {}
        self.latest = -inf
        """The end of the latest one; inf while one lasts. Tries made later than this need not be looked at."""

    def __bool__(self) -> bool:
        return bool(self._spans)

    def begin(self, subject: int, since: float) -> None:
        """It has fallen silent; `since`: when the last probe left that it answered."""
        spans = self._spans.setdefault(subject, [])
        if not spans or spans[-1][1] != inf:
            spans.append((since, inf))
            del spans[:-_KEPT]
        self.latest = inf

    def end(self, subject: int, until: float) -> None:
        """It answers again; `until`: when the probe left that it answered."""
        spans = self._spans.get(subject)
        if spans and spans[-1][1] == inf:
            spans[-1] = (spans[-1][0], until)
            ends = [each[-1][1] for each in self._spans.values()]
            self.latest = max(ends)

    def forget(self, subjects: Indices) -> None:
        """These numbers stand for others from now on."""
        if self._spans:
            for each in subjects.tolist():
                self._spans.pop(each, None)

    def spans(self, subject: int) -> tuple[tuple[float, float], ...]:
        """Its outages, oldest first; the end is inf while one lasts."""
        return tuple(self._spans.get(subject, ()))

    def held(self, subjects: Indices, moments: F64) -> Mask:
        """Whether each of these was silent then: a probe that left at that moment may be lost for that reason."""
        silent = np.zeros(len(moments), np.bool_)
        for subject, spans in self._spans.items():
            here = subjects == subject
            if here.any():
                for begin, end in spans:
                    silent |= here & (moments > begin) & (moments < end)
        return silent
