"""Mail and news: their greetings, and the questions that settle an ambiguous one."""

from scanner.core.recognise.protocol import Hello, Protocol, ProtocolKind
from scanner.core.recognise.recogniser import row

_LINE = rb"[^\r\n]{0,400}"


MAIL: tuple[Protocol, ...] = (
    Protocol(
        "lmtp",
        ProtocolKind.MAIL,
        "RFC 2033",
        greets_first=True,
        plain_text=True,
        recognise=(row("lmtp", rb"220[ -]" + _LINE + rb"LMTP"),),
    ),
    Protocol(
        "smtp",
        ProtocolKind.MAIL,
        "RFC 5321 4.2",
        iana_names="smtp submission urd",
        tls_names="submissions",
        greets_first=True,
        plain_text=True,
        hello=Hello(b"EHLO scanner.invalid\r\n", after_greeting=True),
        recognise=(
            row(
                "smtp",
                rb"(?:220|554|421|450)[ -]" + _LINE + rb"SMTP (?P<product>Postfix|Exim|Sendmail|OpenSMTPD|"
                rb"Haraka)(?:[ /](?P<version>\d[\w.+-]{0,40}))?",
            ),
            row("smtp", rb"(?:220|554|421|450)[ -]" + _LINE + rb"(?P<product>Microsoft) ESMTP"),
            row("smtp", rb"(?:220|554|421|450)[ -]" + _LINE + rb"SMTP"),
            row("smtp", rb"(?:220[ -]" + _LINE + rb"\r?\n){1,20}250[ -]"),
            # RFC 7504 5: the greeting of a host that takes no mail
            row("smtp", rb"521[ -]" + _LINE + rb"\r?\n"),
            row("smtp", rb"220[ -]", certain=False),
        ),
    ),
    Protocol(
        "mupdate",
        ProtocolKind.MAIL,
        "RFC 3656 3.8",
        iana_names="mupdate",
        greets_first=True,
        recognise=(
            row(
                "mupdate", rb'\* OK MUPDATE "[^"\r\n]{1,100}" "(?P<product>[^"\r\n]{1,60})" "v?(?P<version>[^"]{1,40})'
            ),
            row("mupdate", rb"\* OK MUPDATE "),
        ),
    ),
    Protocol(
        "imap",
        ProtocolKind.MAIL,
        "RFC 9051 7.1",
        iana_names="imap imap3",
        tls_names="imaps",
        greets_first=True,
        plain_text=True,
        recognise=(
            row(
                "imap",
                rb"\* (?:OK|PREAUTH|BYE)\b" + _LINE + rb"(?P<product>Dovecot|Cyrus IMAP|Courier-IMAP|"
                rb"Microsoft Exchange)(?: v?(?P<version>\d[\w.+-]{0,40}))?",
            ),
            row("imap", rb"\* (?:OK|PREAUTH|BYE)\b(?! MUPDATE)[^\r\n]{0,2000}\r?\n"),
        ),
    ),
    Protocol(
        "pop3",
        ProtocolKind.MAIL,
        "RFC 1939 4",
        iana_names="pop3",
        tls_names="pop3s",
        greets_first=True,
        plain_text=True,
        hello=Hello(b"CAPA\r\n", after_greeting=True),
        recognise=(
            row("pop3", rb"\+OK" + _LINE + rb"(?P<product>Dovecot|Cyrus POP3|Courier|Microsoft Exchange)"),
            row("pop3", rb"\+OK[ \r]" + _LINE + rb"(?i:POP3?|ready|<[^>\r\n]{3,100}@)"),
            row("pop3", rb"\+OK", certain=False),
        ),
    ),
    Protocol(
        "managesieve",
        ProtocolKind.MAIL,
        "RFC 5804 1.7",
        iana_names="sieve",
        greets_first=True,
        recognise=(row("managesieve", rb'"IMPLEMENTATION" "(?P<product>[^"\r\n]{0,100})"'),),
    ),
    Protocol(
        "nntp",
        ProtocolKind.MAIL,
        "RFC 3977 5.1",
        iana_names="nntp nnsp netnews",
        tls_names="nntps",
        greets_first=True,
        plain_text=True,
        recognise=(row("nntp", rb"20[01] " + _LINE + rb"(?P<product>InterNetNews|INN|NNTP)"),),
    ),
)
"""Mail and news. LMTP stands before SMTP, which its greeting resembles."""
