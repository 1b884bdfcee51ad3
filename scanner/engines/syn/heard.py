"""Answers that were heard and believed, as columns: what the listener hands to the waves in flight."""

from dataclasses import dataclass

from scanner.core.columns import F64, U8, U16, U64, Indices


@dataclass(frozen=True, slots=True, eq=False)
class AcceptedAnswers:
    """Answers that passed the cookie check, as columns; all of one length."""

    version: U8
    """IP version of the probed endpoint."""
    high: U64
    """Upper half of its address."""
    low: U64
    """Lower half of its address."""
    port: U16
    """Its port."""
    source_port: U16
    """The port of ours that the probe came from: it names the wave's slot and the try."""
    reason: U16
    """Reason code that the answer means."""
    at: F64
    """When it came, seconds on the monotonic clock."""
    router_high: U64
    """Upper half of the address of the router that sent an ICMP error."""
    router_low: U64
    """Lower half of it; 0 for TCP answers."""

    def __len__(self) -> int:
        return len(self.port)

    def rows(self, chosen: Indices) -> "AcceptedAnswers":
        """Some of them."""
        return AcceptedAnswers(
            self.version[chosen],
            self.high[chosen],
            self.low[chosen],
            self.port[chosen],
            self.source_port[chosen],
            self.reason[chosen],
            self.at[chosen],
            self.router_high[chosen],
            self.router_low[chosen],
        )
