"""Numbers for people: counts with their noun, and time spans."""

_DAY, _YEAR = 86_400, 31_557_600


def duration(seconds: float) -> str:
    """A time span for people: `0.8 s`, `1 min 12 s`, `2 h 03 min`, `3.4 days`, `6.9 years`."""
    for unit, size in (("years", _YEAR), ("days", _DAY)):
        if seconds >= 2 * size:
            return f"{seconds / size:,.1f} {unit}"
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes} min {rest:02} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"


def counted(number: int, word: str, plural: str = "") -> str:
    """`1 address`, `1,204 addresses`."""
    return f"{number:,} {word if number == 1 else plural or word + 's'}"
