"""Recognisers: bytes in, a `Match` or None out. Pure, bounded, and as much as possible kept as tables.

`protocol.py` says what a row is; `protocols/` holds the rows by family, each beside its recognisers and its hello;
`catalogue.py` collects them; hints, order, names and rules are derived from the rows. `do_not_ask.py` lists the ports
that get no question. The engine that carries the bytes is `engines/identify/`.
"""
