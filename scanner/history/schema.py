"""Defines the tables as numbered steps. A released step never changes: new ones are appended.

`PRAGMA user_version` says how many steps a database has been through. Steps only go forward, all that are missing in
one transaction together with the new number, so that a database is at exactly one version whatever happens.

To add a step: append it with a comment that says why, put its digest into `RELEASED` of the tests, and add a
database that the version before wrote to `tests/history/databases/`.

What is stored, and why so:

* A *sweep* is what was fixed before it and its summary, as JSON of the values of `core.report`, and its plan as
  ranges: with these, seed and shard, the wave of any endpoint can be computed. Rows count up in the order of
  recording, which is the order of sweeps: dates are only as good as the clock.
* A *wave* is the unit of truth. Its row, its observations and its findings are written in one transaction: a wave
  is in the history whole or not at all, and the rows of `wave` are the cursor from which a sweep is resumed.
* Texts repeat (reasons, rules, service names), so they are kept once, in *word*, and referred to by number.
* *known* holds when a finding was first and last seen. It outlives the sweeps that are pruned.

Addresses are 4 or 16 bytes in network order, transports IANA's protocol numbers, times milliseconds since the
epoch, UTC.
"""

STEPS: tuple[str, ...] = (
    """
    CREATE TABLE sweep (
        number   INTEGER PRIMARY KEY,
        id       TEXT NOT NULL UNIQUE,
        audit    TEXT NOT NULL,
        started  INTEGER NOT NULL,
        finished INTEGER,
        info     TEXT NOT NULL,
        plan     TEXT NOT NULL,
        settings TEXT NOT NULL,
        summary  TEXT
    );
    CREATE INDEX sweep_by_time ON sweep (started);
    CREATE TABLE wave (
        sweep       INTEGER NOT NULL,
        number      INTEGER NOT NULL,
        complete    INTEGER NOT NULL,
        planned     INTEGER NOT NULL,
        sent        INTEGER NOT NULL,
        answered    INTEGER NOT NULL,
        open        INTEGER NOT NULL,
        closed      INTEGER NOT NULL,
        filtered    INTEGER NOT NULL,
        unknown     INTEGER NOT NULL,
        unreachable INTEGER NOT NULL,
        reasons     TEXT NOT NULL,
        degraded    TEXT NOT NULL,
        PRIMARY KEY (sweep, number)
    ) WITHOUT ROWID;
    CREATE TABLE word (
        number INTEGER PRIMARY KEY,
        text   TEXT NOT NULL UNIQUE
    );
    CREATE TABLE observation (
        sweep     INTEGER NOT NULL,
        address   BLOB NOT NULL,
        transport INTEGER NOT NULL,
        port      INTEGER NOT NULL,
        wave      INTEGER NOT NULL,
        state     INTEGER NOT NULL,
        reason    INTEGER NOT NULL,
        at        INTEGER NOT NULL,
        rtt_us    INTEGER,
        evidence  INTEGER,
        hostname  INTEGER,
        PRIMARY KEY (sweep, address, transport, port)
    ) WITHOUT ROWID;
    CREATE TABLE finding (
        sweep           INTEGER NOT NULL,
        address         BLOB NOT NULL,
        transport       INTEGER NOT NULL,
        port            INTEGER NOT NULL,
        rule            INTEGER NOT NULL,
        severity        INTEGER NOT NULL,
        verdict         INTEGER NOT NULL,
        registry_status INTEGER NOT NULL,
        service         INTEGER,
        detail          INTEGER NOT NULL,
        policy_entry    INTEGER,
        PRIMARY KEY (sweep, address, transport, port, rule)
    ) WITHOUT ROWID;
    CREATE TABLE known (
        id         BLOB PRIMARY KEY,
        first_seen INTEGER NOT NULL,
        last_seen  INTEGER NOT NULL
    ) WITHOUT ROWID;
    """,
    # The service at an open endpoint: in a word for comparing, and whole for judging it again.
    """
    ALTER TABLE observation ADD COLUMN speaks INTEGER;
    ALTER TABLE observation ADD COLUMN identity TEXT;
    """,
    # UDP: endpoints that stayed silent. Earlier sweeps had none.
    """
    ALTER TABLE wave ADD COLUMN open_filtered INTEGER NOT NULL DEFAULT 0;
    """,
)

VERSION = len(STEPS)
"""The version that this program reads and writes: the number of steps."""
