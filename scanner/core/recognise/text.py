"""Protocols that speak in lines, by their greeting or by their answer to unexpected input.

Order matters: the telling rows come first, the rows that many could have said come last and are not certain.
"""

from scanner.core.recognise.recogniser import Recogniser, row

_LINE = rb"[^\r\n]{0,400}"

TEXT: tuple[Recogniser, ...] = (
    # RFC 4253 4.2: lines may come before the identification.
    row(
        "ssh",
        rb"(?:(?!SSH-)[^\r\n]{0,255}\r?\n){0,20}SSH-[12]\.\d+-(?P<product>OpenSSH|dropbear|libssh|Cisco)"
        rb"[_-]?(?P<version>[^\r\n ]{0,60})",
    ),
    row("ssh", rb"(?:(?!SSH-)[^\r\n]{0,255}\r?\n){0,20}SSH-[12]\.\d+-(?P<product>[^\r\n ]{0,100})"),
    # RFC 6143 7.1.1
    row("vnc", rb"RFB (?P<version>\d{3}\.\d{3})\n"),
    # RFC 5321 4.2, RFC 2033 (LMTP)
    row("lmtp", rb"220[ -]" + _LINE + rb"LMTP"),
    row(
        "smtp",
        rb"(?:220|554|421|450)[ -]" + _LINE + rb"SMTP (?P<product>Postfix|Exim|Sendmail|OpenSMTPD|"
        rb"Haraka)(?:[ /](?P<version>\d[\w.+-]{0,40}))?",
    ),
    row("smtp", rb"(?:220|554|421|450)[ -]" + _LINE + rb"(?P<product>Microsoft) ESMTP"),
    row("smtp", rb"(?:220|554|421|450)[ -]" + _LINE + rb"SMTP"),
    row("smtp", rb"(?:220[ -]" + _LINE + rb"\r?\n){1,20}250[ -]"),
    # RFC 959 5.4
    row(
        "ftp",
        rb"220[ -]\(?(?P<product>vsFTPd|Pure-FTPd|ProFTPD|FileZilla Server|Microsoft FTP Service)"
        rb"(?: Server)?(?: (?P<version>\d[\w.+-]{0,40}))?",
    ),
    row("ftp", rb"220[ -]-*" + _LINE + rb"(?P<product>Pure-FTPd|ProFTPD|vsFTPd)"),
    row("ftp", rb"(?:220|421)[ -]" + _LINE + rb"\bFTP\b"),
    row("ftp", rb"(?:220[ -]" + _LINE + rb"\r?\n){1,20}(?:530[ -]|500[ -]|215[ -])"),
    # RFC 9051 7.1
    row(
        "imap",
        rb"\* (?:OK|PREAUTH|BYE)\b" + _LINE + rb"(?P<product>Dovecot|Cyrus IMAP|Courier-IMAP|"
        rb"Microsoft Exchange)(?: v?(?P<version>\d[\w.+-]{0,40}))?",
    ),
    row("imap", rb"\* (?:OK|PREAUTH|BYE)\b"),
    # RFC 5804 1.7 (ManageSieve)
    row("managesieve", rb'"IMPLEMENTATION" "(?P<product>[^"\r\n]{0,100})"'),
    # RFC 1939 4
    row("pop3", rb"\+OK" + _LINE + rb"(?P<product>Dovecot|Cyrus POP3|Courier|Microsoft Exchange)"),
    row("pop3", rb"\+OK[ \r]" + _LINE + rb"(?i:POP3?|ready|<[^>\r\n]{3,100}@)"),
    # RFC 3977 5.1
    row("nntp", rb"20[01] " + _LINE + rb"(?P<product>InterNetNews|INN|NNTP)"),
    # nats.io, client protocol: the server begins with INFO and a JSON object
    row(
        "nats",
        rb'INFO \{(?=[^\r\n]{0,2000}"version" ?: ?"(?P<version>[^"]{0,40})")'
        rb'(?=[^\r\n]{0,4000}"max_payload")',
        product="nats-server",
    ),
    # RFC 1459 4, RFC 2812 5
    row("irc", rb":(?P<detail>\S{1,100}) (?:NOTICE|451|421|020|439|461|CAP) "),
    row("irc", rb"NOTICE (?:AUTH |\* )?:\*\*\*|ERROR :"),
    # docs of each project
    row("rsync", rb"@RSYNCD: (?P<version>\d{1,3}(?:\.\d{1,3})?)"),
    row("svn", rb"\( success \( \d \d \( "),
    row("mpd", rb"OK MPD (?P<version>[\d.]{1,20})\n", product="Music Player Daemon"),
    row("asterisk-manager", rb"Asterisk Call Manager/(?P<version>[\d.]{1,20})", product="Asterisk"),
    row("xmpp", rb"(?:<\?xml[^>]{0,100}\?>\s{0,10})?<stream:stream\b"),
    row("zabbix", rb"ZBXD[\x01\x03]"),
    # redis.io, RESP: errors that a Redis server sends to any client
    row("redis", rb"-(?:NOAUTH|DENIED Redis|NOPERM|MISCONF|LOADING) ", product="Redis"),
    row("redis", rb"-ERR (?:unknown command|wrong number of arguments|Protocol error)", product="Redis", certain=False),
    row("redis", rb"\+PONG\r\n|-ERR ", certain=False),
    # memcached's doc/protocol.txt
    row("memcached", rb"(?:ERROR\r\n){1,20}\Z", certain=False),
    # Zookeeper's administrator's guide, "four letter words"
    row("zookeeper", rb"Zookeeper version: (?P<version>[\w.]{1,40})", product="Apache ZooKeeper"),
    row("zookeeper", rb"[a-z]{4} is not executed because it is not in the whitelist", product="Apache ZooKeeper"),
    row("beanstalkd", rb"UNKNOWN_COMMAND\r\n"),
    row("clamd", rb"UNKNOWN COMMAND\n", product="ClamAV"),
    # RFC 862
    row("echo", rb"GET / HTTP/1\.1\r\nHost: "),
    # RFC 864
    row("chargen", rb' !"#\$%&\'\(\)\*\+,-\./0123456789'),
    # RFC 854: option negotiation, then whatever
    row("telnet", rb"(?:\xff[\xfb-\xfe][\x00-\x31\xff]){1,60}"),
    row("telnet", rb"[^\x00]{0,600}?(?i:login|username|user name|password) ?: ?\Z"),
    row("smtp", rb"220[ -]", certain=False),
    row("pop3", rb"\+OK", certain=False),
)
"""Recognisers for greetings and complaints in text."""
