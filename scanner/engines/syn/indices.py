"""Places of a wave: which endpoints of it are meant, by number."""

import numpy as np
import numpy.typing as npt

Places = npt.NDArray[np.int32]
"""Places in a wave, ascending, int32[n]."""


def run_of(places: Places) -> slice | Places:
    """The places, as a slice where they follow one another without a gap: indexing by it then copies nothing."""
    if len(places) and places[-1] - places[0] + 1 == len(places):
        return slice(int(places[0]), int(places[-1]) + 1)
    return places
