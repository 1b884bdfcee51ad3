"""Bad input: one line with the place, the promised status, nothing written, before any probe."""

from pathlib import Path

import pytest

from tests.cli.conftest import Scanner


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "name targets"),
        (("10.0.0.300",), "TARGET: '10.0.0.300'"),
        (("010.0.0.1",), "leading zeros"),
        (("10.0.0.9-10.0.0.1",), "reversed"),
        (("2001:db8::/64",), "/104"),
        (("no-such-host.invalid",), "'no-such-host.invalid' cannot be resolved"),
        (("127.0.0.1", "-p", "65536"), "-p: '65536'"),
        (("127.0.0.1", "-p", "90-80"), "reversed"),
        (("127.0.0.1", "-p", "U:0"), "port 0 is reserved"),
        (("127.0.0.1", "-sU", "--udp-patience", "-1"), "--udp-patience: -1 is not"),
        (("127.0.0.1", "-p", "nonesuch"), "no service named"),
        (("127.0.0.1", "-p", "22", "--exclude-ports", "22"), "no port is left"),
        (("127.0.0.1", "--exclude", "127.0.0.0/8"), "no address is left"),
        (("127.0.0.1", "--exclude", "127.0.0.1,bad host"), "--exclude: 'bad host'"),
        (("-iL", "none.txt"), "none.txt: cannot be read"),
        (("127.0.0.1", "--excludefile", "none.txt"), "none.txt: cannot be read"),
        (("127.0.0.1", "--shard", "4/3", "--seed", "1"), "not a shard"),
        (("127.0.0.1", "--shard", "1/2"), "--shard needs --seed"),
        (("127.0.0.1", "-p", "22", "--shard", "2/2", "--seed", "1"), "empty"),
        (("127.0.0.1", "--rate", "-1"), "--rate"),
        (("127.0.0.1", "--rate", "nan"), "--rate"),
        (("127.0.0.1", "--rate", "fast"), "--rate: 'fast' is not a number of probes per second; write 500, 10k or 1M"),
        (("--no-such-flag",), "--no-such-flag: no such option"),
        (("127.0.0.1", "--timeout", "0"), "--timeout: 0 is not"),
        (("127.0.0.1", "--timeout", "nan", "-sS"), "--timeout: nan is not"),
        (("127.0.0.1", "--timeout", "61", "-sS"), "--timeout: 61 is not"),
        (("127.0.0.1", "-sT", "-e", "lo"), "-e: the connect engine"),
        (("127.0.0.1", "--pcap", "answers.pcap"), "--pcap: the connect engine"),
        (("127.0.0.1", "--wire", "sendmmsg"), "--wire: the connect engine"),
        (("127.0.0.1", "-o", ""), "-o: the file name is empty"),
        (("127.0.0.1", "-oX", ""), "-oX: the file name is empty"),
        (("127.0.0.1", "-o", "same", "-oX", "./same"), "both write the same file"),
        (("127.0.0.1", "--json", "-oX", "-"), "both write standard output"),
        (("127.0.0.1", "-sT", "-sS"), "two engines"),
        (("127.0.0.1", "--json", "--csv"), "choose one"),
        (("127.0.0.1", "-o", "no/such/folder/x.csv"), "no/such/folder"),
        (("127.0.0.1", "-oX", "no/such/folder/x.xml"), "no/such/folder"),
        (("127.0.0.1", "--scope", "none.toml"), "none.toml"),
        (("127.0.0.1", "--registry", "none.csv"), "none.csv"),
    ],
)
def test_a_user_s_mistake_is_one_line_and_status_2(scanner: Scanner, arguments: tuple[str, ...], said: str) -> None:
    done = scanner("scan", *arguments)
    assert done.returncode == 2, done.stderr
    assert said in done.stderr
    assert done.stderr.startswith("scanner: ")
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


@pytest.mark.parametrize(
    "arguments",
    [("127.0.0.1", "--seed", "x"), ("127.0.0.1", "--fail-on", "x"), ("127.0.0.1", "--rate")],
)
def test_wrong_usage_is_status_2(scanner: Scanner, arguments: tuple[str, ...]) -> None:
    done = scanner("scan", *arguments)
    assert done.returncode == 2
    assert done.stderr.startswith("scanner: ")
    assert "--help` says how" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_bad_line_in_an_exclude_file_aborts_and_is_never_skipped(scanner: Scanner, tmp_path: Path) -> None:
    (tmp_path / "never.txt").write_text("127.0.0.2\n127.0.0.1OO\n")
    done = scanner("scan", "127.0.0.1", "-p", "22", "--excludefile", "never.txt")
    assert done.returncode == 2
    assert "never.txt:2: " in done.stderr


@pytest.mark.parametrize("target", ["192.0.2.1", "8.8.8.8", "2001:db8::1", "9.255.255.255-10.0.0.1"])
def test_public_addresses_without_a_scope_are_status_4(scanner: Scanner, target: str, tmp_path: Path) -> None:
    done = scanner("scan", target, "-p", "22", "-o", "findings.csv")
    assert done.returncode == 4
    assert "--scope" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "findings.csv").exists()
