"""What a round of probes says of a flow: how much was lost, and whether that is more than chance.

Most probes of a scan are never answered, and that is no loss. Two kinds can be counted on:

* canaries: endpoints that answered before. Each that stays silent is a loss;
* ordinary probes, all together. The plan's order is random, so the share of them that is answered (the hit rate,
  zmap#804) is the same in all rounds but for chance, and falls when something is lost. It costs nothing, and where
  most ports answer it tells more than any number of canaries. nmap scales its window by the same share ("response
  rate scaling").

With n ordinary probes, hit rate h, c canaries and a share p lost whatever the rate, n h + c (1 - p) answers are
expected: the hit rate was learnt with the usual loss in it, canaries answer without. What is missing has a standard
deviation of about sqrt(n h (1 - h) + c p (1 - p)). A round has lost something when more is missing than 2.5 of them
and 1.5 probes. What is missing is added up over rounds at one rate until there is no sign of loss (a cumulative sum
test: Page, "Continuous inspection schemes", Biometrika 41, 1954), so that few canaries tell of a small loss too, only
later.

The hit rate may fall for other reasons (the likely ports are through). Where canaries would have shown such a loss
and do not, they are believed: the hit rate is learnt anew.
"""

from dataclasses import dataclass

import numpy as np

from scanner.core.columns import F64, Mask
from scanner.core.rate.flow_state import SUMS, Field, FlowColumns, Phase, trusted_hits

ENOUGH = 5.0
"""Answers that must be expected before a round is called lossy."""
TOLERATED = 0.03
"""Share lost beyond the usual that is no sign of loss yet."""
START_LOSS = 0.1
"""Share that may be lost at the start without an end to it: what is usual is not known yet."""
_SIGMAS = 2.5
_HOLD_SIGMAS = 3.5
"""While a rate holds it is tested again and again, so chance has more occasions."""
_CHANCE = 1.5
_TOLD = 6.0
"""Canaries that should have been lost for their silence to be believed against the hit rate."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What rounds say, a place for each flow."""

    used: F64
    """Probes a second that were sent."""
    expected: F64
    """Answers to be expected, over all rounds since there was last no sign of loss."""
    asked: F64
    """Canaries of this round."""
    silent: F64
    """Of them, those that did not answer."""
    loss: F64
    """Share of them that is missing beyond the usual, 0 to 1."""
    lossy: Mask
    """Whether that is more than chance and the usual loss."""
    dead: Mask
    """Whether next to nothing came."""
    blind: Mask
    """Whether too few answers were to be expected to say anything."""
    doubtful: Mask
    """Whether something is missing, but too little to call it loss."""
    trip: F64
    """Mean round trip; nan where nothing came."""
    refuted: Mask
    """Whether canaries speak against the hit rate, which is to be learnt anew."""


def read(state: FlowColumns) -> Reading:
    """Read the waiting rounds of some flows, and add them to the sums of their flows."""
    sent, asked = state[Field.W_SENT], state[Field.W_ASKED]
    heard, answered = state[Field.W_HEARD], state[Field.W_ANSWERED]
    hit, noise = trusted_hits(state), state[Field.NOISE]
    likely, silent = hit * sent, np.maximum(asked - answered, 0.0)
    refuted = _refuted(state, likely, likely - heard, asked, silent)
    certainty = 1 + sent / np.maximum(state[Field.HITS], 1.0)
    likely = np.where(refuted, 0.0, likely)
    expected, missing = likely + asked, np.where(likely > 0, likely - heard, 0.0)
    spread = likely * (1 - hit) * certainty + noise * (1 - noise) * asked
    state[SUMS, refuted | (state[Field.PHASE] == Phase.STALLED)] = 0.0
    state[SUMS] += np.where(expected > 0, [likely, missing, asked, silent, spread], 0.0)
    total = state[Field.S_LIKELY] + state[Field.S_ASKED]
    lost = np.maximum(state[Field.S_MISSING] + state[Field.S_SILENT] - noise * state[Field.S_ASKED], 0.0)
    start, hold = state[Field.PHASE] == Phase.START, state[Field.PHASE] == Phase.HOLD
    allowed = np.where(start, np.maximum(START_LOSS - noise, TOLERATED), np.where(hold, TOLERATED, 0.0)) * total
    chance = np.sqrt(state[Field.S_SPREAD] + np.where(start, allowed, 0.0))
    lossy = (lost - allowed > _CHANCE + np.where(hold, _HOLD_SIGMAS, _SIGMAS) * chance) & (total >= ENOUGH)
    loss = np.divide(lost, total, out=np.zeros_like(lost), where=total > 0)
    state[SUMS, loss <= TOLERATED] = 0.0
    seconds = np.maximum(state[Field.W_CLOSED] - state[Field.W_OPENED], 1e-6)
    got = heard + answered
    return Reading(
        used=(sent + asked) / seconds,
        expected=total,
        asked=asked,
        silent=silent,
        loss=loss,
        lossy=lossy,
        dead=(expected >= ENOUGH - 1) & (got <= 0.02 * expected + 1),
        blind=expected < 1.0,
        doubtful=(lost - allowed > _CHANCE / 2 + chance) & (loss > TOLERATED) & ~lossy,
        trip=np.divide(state[Field.W_TRIP_SUM], got, out=np.full_like(got, np.nan), where=got > 0),
        refuted=refuted,
    )


def _refuted(state: FlowColumns, likely: F64, missing: F64, asked: F64, silent: F64) -> Mask:
    """Whether canaries would have shown the losses that the hit rate shows, and did not. Over many rounds."""
    share = np.divide(missing, likely, out=np.zeros_like(missing), where=likely > 0)
    shows = (share > TOLERATED) & (missing > np.sqrt(likely))
    state[Field.R_SHOULD] += np.where(shows, share * asked, 0.0)
    state[Field.R_SILENT] += np.where(shows, silent - state[Field.NOISE] * asked, 0.0)
    ripe = state[Field.R_SHOULD] >= _TOLD
    refuted: Mask = ripe & (state[Field.R_SILENT] <= 0.3 * state[Field.R_SHOULD])
    state[Field.R_SHOULD, ripe], state[Field.R_SILENT, ripe] = 0.0, 0.0
    return refuted
