"""What is asked next, and which names mean a protocol."""

import pytest

from scanner.core.recognise.hellos import HELLOS, TLS
from scanner.core.recognise.identity import Conduct, Identity, ProtocolMatch, Tls
from scanner.core.recognise.names import IANA_NAMES, TLS_NAMES, means, promises_tls, protocol_of
from scanner.core.recognise.order import hinted, next_hello, speaks_first


def every_question(hints: tuple[str, ...] = (), *, encrypted: bool = False) -> list[str]:
    asked: list[str] = []
    while (hello := next_hello(hints, asked, None, greeted=False, encrypted=encrypted)) is not None:
        asked.append(hello.name)
    return asked


def test_without_a_hint_the_two_usual_questions_come_first_and_each_once() -> None:
    asked = every_question()
    assert asked[:2] == ["http", TLS]
    assert len(asked) == len(set(asked))
    assert set(asked) == {name for name, hello in HELLOS.items() if not hello.after_greeting}


def test_what_a_peer_did_with_the_first_questions_decides_which_others_come_next() -> None:
    closes = next_hello((), ["http", TLS], None, greeted=False, waits=False)
    waits = next_hello((), ["http", TLS], None, greeted=False, waits=True)
    assert closes is HELLOS["postgresql"]
    assert waits is HELLOS["dns"]
    assert closes is not waits


def test_a_port_of_the_catalogue_is_a_hint_after_the_names() -> None:
    assert hinted([], 9042) == ("cassandra",)
    assert hinted(["postgresql"], 9042) == ("postgresql", "cassandra")
    assert hinted([], 4) == ()


def test_hints_come_first() -> None:
    assert every_question(hinted(["postgresql"]))[0] == "postgresql"
    assert every_question(hinted(["https"]))[:2] == [TLS, "http"]
    assert every_question(hinted(["secure-mqtt"]))[:2] == [TLS, "mqtt"]
    assert every_question(hinted(["hecmtl-db"])) == every_question()


def test_inside_tls_no_tls_is_asked_for() -> None:
    asked = every_question(hinted(["ldaps"]), encrypted=True)
    assert asked[0] == "ldap"
    assert TLS not in asked


def test_a_likely_answer_decides_the_next_question_and_ends_when_it_was_put() -> None:
    likely = ProtocolMatch("socks5", certain=False)
    hello = next_hello((), ["http"], likely, greeted=False)
    assert hello is HELLOS["socks5"]
    assert next_hello((), ["http", "socks5"], likely, greeted=False) is None


def test_who_greets_in_unknown_words_is_left_alone() -> None:
    assert next_hello((), [], None, greeted=True) is None


@pytest.mark.parametrize(
    ("services", "expected"),
    [
        ([], True),
        (["ssh"], True),
        (["http"], False),
        (["https", "http"], False),
        (["hecmtl-db"], True),
        (["http", "ssh"], True),
    ],
)
def test_a_greeting_is_waited_for_unless_every_name_says_otherwise(services: list[str], expected: bool) -> None:
    assert speaks_first(services) is expected


@pytest.mark.parametrize(
    ("service", "protocol"),
    [("https", "http"), ("HTTP-ALT", "http"), ("sun-sr-https", "http"), ("microsoft-ds", "smb"), ("domain", "dns"),
     ("ms-wbt-server", "rdp"), ("hecmtl-db", None), ("whttpx", None), ("sunrpc", "rpcbind"), ("memcache", "memcached")],
)  # fmt: skip
def test_registered_names_mean_protocols(service: str, protocol: str | None) -> None:
    assert protocol_of(service) == protocol


def test_what_speaks_is_held_against_every_registered_name() -> None:
    web = Identity(Conduct.ANSWERED, "http", tls=Tls("TLSv1.3"))
    assert means(web, ["https"])
    assert means(web, ["http"])
    assert means(web, ["sun-sr-https"])
    assert means(web, ["wap-wsp", "http-alt"])
    assert not means(web, ["hecmtl-db"])
    assert not means(Identity(Conduct.GREETED, "ssh"), ["https"])
    assert means(Identity(Conduct.ANSWERED, "http2"), ["http"])


def test_tls_without_a_known_protocol_means_any_name_that_promises_it() -> None:
    closed = Identity(Conduct.ANSWERED, tls=Tls("", problem="handshake failure"))
    assert means(closed, ["ldaps"])
    assert not means(closed, ["ldap"])


def test_tls_is_promised_only_where_every_name_does() -> None:
    assert promises_tls(["https"])
    assert not promises_tls(["https", "http"])
    assert not promises_tls([])


def test_every_hello_is_of_a_known_protocol_and_names_are_lower_case() -> None:
    assert all(name == name.lower() for names in IANA_NAMES.values() for name in names)
    assert all(name == name.lower() for name in TLS_NAMES)
    assert all(protocol_of(name) == name for name in HELLOS if name in IANA_NAMES)
