"""Runs of indices in a wave."""

from scanner.core.columns import WaveIndices


def run_of(places: WaveIndices) -> slice | WaveIndices:
    """The places, as a slice where they follow one another without a gap: indexing by it then copies nothing."""
    if len(places) and places[-1] - places[0] + 1 == len(places):
        return slice(int(places[0]), int(places[-1]) + 1)
    return places
