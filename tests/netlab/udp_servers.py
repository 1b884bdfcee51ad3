"""Real UDP servers from Debian's packages, each on its usual port of a namespace of its own.

A `UdpServer` is a row: its protocol in our words, its port, the program that it needs and its package, and a function
that writes its files and gives its command line. Programs that are not installed are left out. `silent` servers answer
no stranger by design: they must never be called open, nor closed.
"""
# ruff: noqa: E501 - command lines and configuration files are clearer unbroken

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.netlab.lab import Namespace
from tests.netlab.servers import certificate

_PATH = os.environ.get("PATH", "") + ":/usr/sbin:/usr/lib/ipsec"


@dataclass(frozen=True)
class UdpServer:
    """One real server."""

    name: str
    protocol: str
    port: int
    program: str
    package: str
    command: Callable[[Path], list[str]]
    silent: bool = False


def _write(folder: Path, name: str, text: str) -> str:
    path = folder / name
    path.write_text(text)
    path.chmod(0o644)
    return str(path)


def _bind(folder: Path) -> list[str]:
    options = f'options {{ directory "{folder}"; listen-on {{ any; }}; recursion no; pid-file none; session-keyfile none; dnssec-validation no; }}; controls {{ }};'
    return ["named", "-f", "-c", _write(folder, "named.conf", options)]


def _unbound(folder: Path) -> list[str]:
    conf = f'server:\n interface: 0.0.0.0@853\n do-daemonize: no\n username: ""\n chroot: ""\n pidfile: ""\n directory: "{folder}"\n access-control: 0.0.0.0/0 allow\nremote-control:\n control-enable: no\n'
    return ["unbound", "-d", "-c", _write(folder, "unbound.conf", conf)]


def _chrony(folder: Path) -> list[str]:
    conf = f"allow all\nlocal stratum 8\ncmdport 0\nbindcmdaddress /\npidfile {folder}/chronyd.pid\n"
    return ["chronyd", "-d", "-x", "-u", "root", "-f", _write(folder, "chrony.conf", conf)]


def _snmpd(folder: Path) -> list[str]:
    return [
        "snmpd",
        "-f",
        "-Lo",
        "-C",
        "-c",
        _write(folder, "snmpd.conf", "rocommunity secret\n"),
        "-p",
        f"{folder}/snmpd.pid",
        "udp:161",
    ]


def _tftpd(folder: Path) -> list[str]:
    (folder / "tftp").mkdir(exist_ok=True)
    (folder / "tftp").chmod(0o755)
    return ["in.tftpd", "-L", "--address", "0.0.0.0:69", "--secure", f"{folder}/tftp"]


def _kamailio(folder: Path) -> list[str]:
    conf = '#!KAMAILIO\nlisten=udp:0.0.0.0:5060\nchildren=1\ndisable_tcp=yes\nloadmodule "sl.so"\nrequest_route { sl_send_reply("404","Not here"); exit; }\n'
    return [
        "kamailio",
        "-f",
        _write(folder, "kamailio.cfg", conf),
        "-DD",
        "-E",
        "-m",
        "64",
        "-M",
        "8",
        "-Y",
        str(folder),
        "-P",
        f"{folder}/kamailio.pid",
    ]


def _charon(folder: Path) -> list[str]:
    conf = _write(
        folder,
        "strongswan.conf",
        f"charon {{ load = random nonce aes sha1 sha2 hmac kdf curve25519 kernel-netlink socket-default\n piddir = {folder}\n install_routes = no }}\n",
    )
    return ["env", f"STRONGSWAN_CONF={conf}", "charon"]


def _openvpn(folder: Path) -> list[str]:
    cert, key = certificate(folder)
    return [
        "openvpn",
        "--dev",
        "null",
        "--tls-server",
        "--ca",
        cert,
        "--cert",
        cert,
        "--key",
        key,
        "--dh",
        "none",
        "--port",
        "1194",
        "--proto",
        "udp",
        "--verb",
        "0",
    ]


def _coturn(folder: Path) -> list[str]:
    return [
        "turnserver",
        "-n",
        "-L",
        "0.0.0.0",
        "-p",
        "3478",
        "--no-tls",
        "--no-dtls",
        "--no-cli",
        "--lt-cred-mech",
        "-u",
        "a:b",
        "-r",
        "lab.invalid",
        "--log-file",
        "stdout",
        "--pidfile",
        f"{folder}/turn.pid",
        "--userdb",
        f"{folder}/turn.db",
    ]


def _memcached(folder: Path) -> list[str]:
    return ["memcached", "-U", "11211", "-u", "root", "-l", "0.0.0.0", "-m", "4"]


def _coap(folder: Path) -> list[str]:
    return ["coap-server-notls", "-A", "0.0.0.0"]


def _xl2tpd(folder: Path) -> list[str]:
    conf = _write(
        folder,
        "xl2tpd.conf",
        "[global]\nport = 1701\n[lns default]\nip range = 10.9.0.2-10.9.0.9\nlocal ip = 10.9.0.1\n",
    )
    return ["xl2tpd", "-D", "-c", conf, "-p", f"{folder}/xl2tpd.pid", "-C", f"{folder}/l2tp-control"]


def _xinetd(folder: Path) -> list[str]:
    row = "service {0}\n{{\n type = INTERNAL\n id = {0}-dgram\n socket_type = dgram\n protocol = udp\n user = root\n wait = yes\n}}\n"
    conf = _write(
        folder,
        "xinetd.conf",
        "defaults\n{\n}\n" + "".join(row.format(name) for name in ("echo", "daytime", "time", "discard", "chargen")),
    )
    return ["xinetd", "-dontfork", "-f", conf, "-pidfile", f"{folder}/xinetd.pid"]


def _nmbd(folder: Path) -> list[str]:
    conf = _write(
        folder,
        "smb.conf",
        f"[global]\nworkgroup = LAB\nnetbios name = LABHOST\nlock directory = {folder}\nstate directory = {folder}\ncache directory = {folder}\npid directory = {folder}\nprivate dir = {folder}\nncalrpc dir = {folder}\nlog file = {folder}/nmbd.log\n",
    )
    return ["nmbd", "-F", "--no-process-group", "-s", conf]


def _ipmi(folder: Path) -> list[str]:
    (folder / "ipmi").mkdir(exist_ok=True)
    lan = 'name "lab"\nset_working_mc 0x20\nstartlan 1\n addr 0.0.0.0 623\n priv_limit admin\n allowed_auths_admin none md5\n guid a123456789abcdefa123456789abcdef\nendlan\nuser 2 true "lab" "lab" admin 10 none md5\n'
    emulated = _write(
        folder, "ipmi.emu", "mc_setbmc 0x20\nmc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02\nmc_enable 0x20\n"
    )
    return ["ipmi_sim", "-n", "-c", _write(folder, "lan.conf", lan), "-f", emulated, "-s", f"{folder}/ipmi"]


def _kdc(folder: Path) -> list[str]:
    krb5 = _write(
        folder,
        "krb5.conf",
        "[libdefaults]\n default_realm = LAB.INVALID\n dns_lookup_kdc = no\n[realms]\n LAB.INVALID = { kdc = 127.0.0.1 }\n",
    )
    kdc = _write(
        folder,
        "kdc.conf",
        f"[kdcdefaults]\n kdc_listen = 88\n[realms]\n LAB.INVALID = {{\n database_name = {folder}/principal\n key_stash_file = {folder}/stash\n }}\n[logging]\n kdc = FILE:{folder}/kdc.log\n",
    )
    there = {**os.environ, "KRB5_CONFIG": krb5, "KRB5_KDC_PROFILE": kdc, "PATH": _PATH}
    subprocess.run(
        ["kdb5_util", "-P", "x", "create", "-s", "-r", "LAB.INVALID"], env=there, check=True, capture_output=True
    )
    return ["env", f"KRB5_CONFIG={krb5}", f"KRB5_KDC_PROFILE={kdc}", "krb5kdc", "-n", "-P", f"{folder}/kdc.pid"]


def _avahi(folder: Path) -> list[str]:
    conf = _write(
        folder, "avahi.conf", "[server]\nenable-dbus=no\nhost-name=labhost\n[publish]\npublish-workstation=yes\n"
    )
    return ["avahi-daemon", "-f", conf, "--no-drop-root", "--no-chroot", "--no-rlimits"]


def _squid(folder: Path) -> list[str]:
    conf = f"http_port 3128\nicp_port 3130\nhtcp_port 4827\nicp_access allow all\nhtcp_access allow all\npid_filename {folder}/squid.pid\naccess_log none\ncache_log {folder}/cache.log\ncoredump_dir {folder}\ncache_effective_user root\nvisible_hostname lab\n"
    return ["squid", "-N", "-f", _write(folder, "squid.conf", conf)]


def _mumble(folder: Path) -> list[str]:
    return [
        "murmurd",
        "-fg",
        "-ini",
        _write(
            folder,
            "murmur.ini",
            f"database={folder}/mumble.sqlite\nlogfile={folder}/mumble.log\npidfile={folder}/mumble.pid\nwelcometext=lab\n",
        ),
    ]


def _dtls(folder: Path) -> list[str]:
    cert, key = certificate(folder)
    return ["openssl", "s_server", "-dtls", "-accept", "4433", "-cert", cert, "-key", key, "-quiet", "-naccept", "99"]


def _caddy(folder: Path) -> list[str]:
    cert, key = certificate(folder)
    conf = f"{{\n admin off\n auto_https off\n}}\nhttps://:443 {{\n tls {cert} {key}\n respond ok\n}}\n"
    return [
        "env",
        f"HOME={folder}",
        f"XDG_DATA_HOME={folder}",
        "caddy",
        "run",
        "--config",
        _write(folder, "Caddyfile", conf),
        "--adapter",
        "caddyfile",
    ]


def _rpcbind(folder: Path) -> list[str]:
    return ["rpcbind", "-f", "-w"]


def _freeradius(folder: Path) -> list[str]:
    return ["freeradius", "-f", "-l", "stdout"]


SERVERS: tuple[UdpServer, ...] = (
    UdpServer("bind9", "dns", 53, "named", "bind9", _bind),
    UdpServer("unbound", "dns", 853, "unbound", "unbound", _unbound),
    UdpServer("chrony", "ntp", 123, "chronyd", "chrony", _chrony),
    UdpServer("snmpd", "snmp", 161, "snmpd", "snmpd", _snmpd),
    UdpServer("tftpd", "tftp", 69, "in.tftpd", "tftpd-hpa", _tftpd),
    UdpServer("kamailio", "sip", 5060, "kamailio", "kamailio", _kamailio),
    UdpServer("strongswan", "ike", 500, "charon", "strongswan-charon", _charon),
    UdpServer("openvpn", "openvpn", 1194, "openvpn", "openvpn", _openvpn),
    UdpServer("coturn", "stun", 3478, "turnserver", "coturn", _coturn),
    UdpServer("memcached", "memcached", 11211, "memcached", "memcached", _memcached),
    UdpServer("libcoap", "coap", 5683, "coap-server-notls", "libcoap3-bin", _coap),
    UdpServer("xl2tpd", "l2tp", 1701, "xl2tpd", "xl2tpd", _xl2tpd),
    UdpServer("xinetd", "echo", 7, "xinetd", "xinetd", _xinetd),
    UdpServer("nmbd", "netbios-ns", 137, "nmbd", "samba", _nmbd),
    UdpServer("ipmi_sim", "asf-rmcp", 623, "ipmi_sim", "openipmi", _ipmi),
    UdpServer("krb5kdc", "kerberos", 88, "krb5kdc", "krb5-kdc", _kdc),
    UdpServer("avahi", "mdns", 5353, "avahi-daemon", "avahi-daemon", _avahi),
    UdpServer("squid", "icp", 3130, "squid", "squid", _squid),
    UdpServer("murmurd", "mumble", 64738, "murmurd", "mumble-server", _mumble),
    UdpServer("openssl", "dtls", 4433, "openssl", "openssl", _dtls),
    UdpServer("caddy", "quic", 443, "caddy", "caddy", _caddy),
    UdpServer("rpcbind", "rpcbind", 111, "rpcbind", "rpcbind", _rpcbind),
    UdpServer("freeradius", "radius", 1812, "freeradius", "freeradius", _freeradius, silent=True),
)
"""The servers, each with the port at which it is looked for."""

MORE_PORTS: dict[str, dict[int, str]] = {
    "strongswan": {4500: "ike"},
    "xinetd": {13: "daytime", 37: "time", 19: "chargen"},
    "squid": {4827: "htcp"},
}
"""Other ports of some servers, with their protocols."""

ALSO_SILENT: dict[str, tuple[int, ...]] = {"xinetd": (9,), "nmbd": (138,), "freeradius": (1813,)}
"""Ports of theirs that answer nobody."""


def installed(server: UdpServer) -> bool:
    """Whether its program is here."""
    return shutil.which(server.program, path=_PATH) is not None


def expected(servers: list[UdpServer]) -> tuple[dict[int, str], set[int]]:
    """The protocol of each port that can answer, and the ports that never do."""
    answering = {each.port: each.protocol for each in servers if not each.silent}
    silent = {each.port for each in servers if each.silent}
    for each in servers:
        answering |= MORE_PORTS.get(each.name, {})
        silent |= set(ALSO_SILENT.get(each.name, ()))
    return answering, silent


def bound_ports(host: Namespace) -> set[int]:
    """The UDP ports that something listens on."""
    lines = host.run("ss", "-Hlnu").stdout.splitlines()
    return {int(line.split()[3].rsplit(":", 1)[1]) for line in lines}


@contextmanager
def serving(host: Namespace, folder: Path, settle: Callable[[], None]) -> Iterator[list[UdpServer]]:
    """Every installed server, running in a namespace; those that did not come up are left out."""
    started = []
    for server in filter(installed, SERVERS):
        place = folder / server.name
        place.mkdir(parents=True, exist_ok=True)
        place.chmod(0o755)
        try:
            process = host.start("env", f"PATH={_PATH}", *server.command(place), merge_stderr=True)
        except (OSError, subprocess.CalledProcessError):
            continue
        started.append((server, process))
    settle()
    bound = bound_ports(host)
    yield [server for server, _ in started if server.port in bound]
