"""Real servers from Debian's packages, each on an odd port of loopback, for as long as a test needs them.

A `Server` is a row: what it is called, what must be recognised, which program it needs (and its package), and
a function that writes its files and gives its command line. Programs that are not installed are left out, and
the caller is told. Every process is started in its own group and ended by that group.
"""
# ruff: noqa: E501 - command lines and configuration files are clearer unbroken

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ADDRESS = "127.0.0.1"
_PATH = (
    os.environ.get("PATH", "")
    + ":/usr/sbin:/usr/lib/postgresql/15/bin:/usr/lib/postgresql/16/bin:/usr/lib/postgresql/17/bin"
)


@dataclass(frozen=True)
class Server:
    """One real server and what must be recognised of it."""

    name: str
    protocol: str
    product: str
    program: str
    package: str
    command: Callable[[Path, int], list[str]]
    tls: bool = False
    port: int = 0


def _write(folder: Path, name: str, text: str) -> str:
    path = folder / name
    path.write_text(text)
    path.chmod(0o644)
    return str(path)


def certificate(folder: Path) -> tuple[str, str]:
    """A self-signed certificate and its key; made once a folder."""
    cert, key = folder / "cert.pem", folder / "key.pem"
    if not cert.exists():
        subprocess.run(
            f"openssl req -x509 -newkey rsa:2048 -nodes -keyout {key} -out {cert} -days 10 "
            "-subj /CN=lab.invalid -addext subjectAltName=DNS:lab.invalid",
            shell=True,
            check=True,
            capture_output=True,
        )
        key.chmod(0o644)
    return str(cert), str(key)


def _sshd(at: Path, port: int) -> list[str]:
    key = at / "host_key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    Path("/run/sshd").mkdir(exist_ok=True)
    return [
        "/usr/sbin/sshd",
        "-D",
        "-e",
        "-f",
        "/dev/null",
        "-h",
        str(key),
        "-o",
        f"ListenAddress={ADDRESS}:{port}",
        "-o",
        "UsePAM=no",
    ]


def _nginx(at: Path, port: int, *, tls: bool = False) -> list[str]:
    cert, key = certificate(at)
    extra = f"ssl http2; ssl_certificate {cert}; ssl_certificate_key {key}" if tls else ""
    conf = _write(
        at,
        "nginx.conf",
        f"""
daemon off; pid {at}/pid; error_log {at}/log; worker_processes 1; events {{}}
http {{ access_log off; client_body_temp_path {at}/b; proxy_temp_path {at}/p; fastcgi_temp_path {at}/f;
 uwsgi_temp_path {at}/u; scgi_temp_path {at}/s; server {{ listen {ADDRESS}:{port} {extra}; }} }}""",
    )
    return ["nginx", "-c", conf, "-e", f"{at}/log"]


def _postgres(at: Path, port: int) -> list[str]:
    data = at / "data"
    data.mkdir()
    shutil.chown(data, "postgres")
    at.chmod(0o755)
    as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
    subprocess.run(
        [*as_user, shutil.which("initdb", path=_PATH) or "initdb", "-D", str(data), "--no-sync"],
        check=True,
        capture_output=True,
        cwd="/",
    )
    return [
        *as_user,
        shutil.which("postgres", path=_PATH) or "postgres",
        "-D",
        str(data),
        "-p",
        str(port),
        "-h",
        ADDRESS,
        "-k",
        str(data),
    ]


def _mariadb(at: Path, port: int) -> list[str]:
    subprocess.run(
        ["mariadb-install-db", "--no-defaults", "--user=root", f"--datadir={at}/data", "--skip-test-db"],
        check=True,
        capture_output=True,
    )
    return [
        "mariadbd",
        "--no-defaults",
        "--user=root",
        f"--datadir={at}/data",
        f"--socket={at}/s",
        f"--port={port}",
        f"--bind-address={ADDRESS}",
        f"--pid-file={at}/pid",
    ]


def _mosquitto(at: Path, port: int) -> list[str]:
    return ["mosquitto", "-c", _write(at, "m.conf", f"listener {port} {ADDRESS}\nallow_anonymous true\nuser root\n")]


def _exim(at: Path, port: int) -> list[str]:
    conf = _write(
        at,
        "exim.conf",
        f"exim_user=root\nexim_group=root\nprimary_hostname=lab.invalid\nspool_directory={at}\nlog_file_path={at}/%slog\npid_file_path={at}/pid\nnever_users=\ntls_advertise_hosts=\nacl_smtp_rcpt=deny\nbegin acl\ndeny:\n deny\n",
    )
    return ["exim4", "-bdf", "-C", conf, "-oX", f"{ADDRESS} : {port}".replace(" : ", "."), "-oP", f"{at}/pid"]


def _dovecot(at: Path, port: int, *, kind: str, tls: bool = False) -> list[str]:
    cert, key = certificate(at)
    plain, secure = (0, port) if tls else (port, 0)
    conf = _write(
        at,
        "dovecot.conf",
        f"""
base_dir = {at}/run
state_dir = {at}/state
log_path = {at}/log
protocols = {kind}
auth_mechanisms = plain
passdb {{
  driver = static
  args = password=lab
}}
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home=/nonexistent
}}
listen = {ADDRESS}
ssl = {"yes" if tls else "no"}
ssl_cert = <{cert}
ssl_key = <{key}
default_internal_user = nobody
default_internal_group = nogroup
default_login_user = nobody
first_valid_uid = 0
service anvil {{
  chroot =
}}
service {kind}-login {{
  chroot =
  inet_listener {kind} {{
    port = {plain}
  }}
  inet_listener {kind}s {{
    port = {secure}
    ssl = yes
  }}
}}
""",
    )
    return ["dovecot", "-F", "-c", conf]


def _vsftpd(at: Path, port: int) -> list[str]:
    (at / "empty").mkdir()
    conf = _write(
        at,
        "v.conf",
        f"listen=YES\nbackground=NO\nlisten_address={ADDRESS}\nlisten_port={port}\nsecure_chroot_dir={at}/empty\nanonymous_enable=NO\nlocal_enable=YES\n",
    )
    return ["vsftpd", conf]


def _named(at: Path, port: int) -> list[str]:
    conf = _write(
        at,
        "named.conf",
        f'options {{ directory "{at}"; pid-file "{at}/pid"; session-keyfile "{at}/k"; managed-keys-directory "{at}"; listen-on port {port} {{ {ADDRESS}; }}; listen-on-v6 {{ none; }}; recursion no; }};\ncontrols {{ }};\n',
    )
    return ["named", "-f", "-c", conf]


def _smbd(at: Path, port: int) -> list[str]:
    folders = {name: at / name for name in ("lock", "state", "cache", "private", "pid", "ncalrpc")}
    for folder in folders.values():
        folder.mkdir(mode=0o755)
    conf = _write(
        at,
        "smb.conf",
        f"""[global]
interfaces = lo
bind interfaces only = yes
smb ports = {port}
lock directory = {folders["lock"]}
state directory = {folders["state"]}
cache directory = {folders["cache"]}
private dir = {folders["private"]}
pid directory = {folders["pid"]}
ncalrpc dir = {folders["ncalrpc"]}
log file = {at}/log
disable spoolss = yes
load printers = no
""",
    )
    return ["smbd", "-F", "--no-process-group", "-s", conf]


def _slapd(at: Path, port: int) -> list[str]:
    conf = _write(
        at,
        "slapd.conf",
        f"include /etc/ldap/schema/core.schema\npidfile {at}/pid\nmodulepath /usr/lib/ldap\nmoduleload back_mdb\ndatabase mdb\nsuffix dc=invalid\ndirectory {at}\n",
    )
    return ["slapd", "-d", "0", "-f", conf, "-h", f"ldap://{ADDRESS}:{port}"]


def _rabbitmq(at: Path, port: int) -> list[str]:
    env = {
        "RABBITMQ_NODENAME": f"scan{port}@localhost",
        "RABBITMQ_MNESIA_BASE": f"{at}/m",
        "RABBITMQ_LOG_BASE": f"{at}/l",
        "HOME": str(at),
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_NODE_IP_ADDRESS": ADDRESS,
        "RABBITMQ_DIST_PORT": str(port + 1000),
        "ERL_EPMD_PORT": str(port + 2000),
        "ERL_EPMD_ADDRESS": ADDRESS,
        "RABBITMQ_ENABLED_PLUGINS_FILE": _write(at, "plugins", "[]."),
        "RABBITMQ_CONFIG_FILE": f"{at}/none",
    }
    both = f"epmd -port {port + 2000} -address {ADDRESS} & exec /usr/lib/rabbitmq/bin/rabbitmq-server"
    return ["env", *(f"{key}={value}" for key, value in env.items()), "sh", "-c", both]


def _xvnc(at: Path, port: int) -> list[str]:
    return [
        "Xvnc",
        f":{port % 90 + 5}",
        "-rfbport",
        str(port),
        "-localhost",
        "-SecurityTypes",
        "None",
        "-nolisten",
        "tcp",
        "-geometry",
        "64x64",
    ]


def _xvfb(at: Path, port: int) -> list[str]:
    return [
        "Xvfb",
        f":{port - 6000}",
        "-screen",
        "0",
        "64x64x8",
        "-listen",
        "tcp",
        "-nolisten",
        "unix",
        "-auth",
        _write(at, "auth", ""),
    ]


def _ngircd(at: Path, port: int) -> list[str]:
    return [
        "ngircd",
        "-n",
        "-f",
        _write(
            at,
            "i.conf",
            f"[Global]\nName = irc.lab.invalid\nListen = {ADDRESS}\nPorts = {port}\nServerUID = root\nServerGID = root\nMotdPhrase = lab\nInfo = lab\nAdminInfo1 = lab\nAdminEMail = a@lab.invalid\n[Options]\nPAM = no\nDNS = no\nIdent = no\n",
        ),
    ]


def _xrdp(at: Path, port: int) -> list[str]:
    cert, key = certificate(at)
    conf = _write(
        at,
        "xrdp.ini",
        f"[Globals]\nport=tcp://{ADDRESS}:{port}\ncertificate={cert}\nkey_file={key}\nsecurity_layer=negotiate\nfork=true\n[Logging]\nLogFile={at}/log\nEnableSyslog=false\n[Xorg]\nname=Xorg\nlib=libxup.so\nip={ADDRESS}\nport=-1\n",
    )
    return ["xrdp", "--nodaemon", "-c", conf]


def _telnetd(at: Path, port: int) -> list[str]:
    conf = _write(at, "inetd.conf", f"{ADDRESS}:{port} stream tcp nowait root /usr/sbin/telnetd telnetd\n")
    return ["inetutils-inetd", "-d", conf]


def _etcd(at: Path, port: int) -> list[str]:
    return [
        "etcd",
        "--data-dir",
        str(at / "d"),
        "--listen-client-urls",
        f"http://{ADDRESS}:{port}",
        "--advertise-client-urls",
        f"http://{ADDRESS}:{port}",
        "--listen-peer-urls",
        f"http://{ADDRESS}:{port + 1000}",
        "--log-level",
        "error",
    ]


def _zookeeper(at: Path, port: int) -> list[str]:
    conf = _write(
        at,
        "zoo.cfg",
        f"tickTime=2000\ndataDir={at}\nclientPort={port}\nclientPortAddress={ADDRESS}\nadmin.enableServer=false\n",
    )
    return ["java", "-cp", "/usr/share/java/*", "org.apache.zookeeper.server.quorum.QuorumPeerMain", conf]


def _kamailio(at: Path, port: int) -> list[str]:
    conf = _write(
        at,
        "k.cfg",
        f'#!KAMAILIO\nfork=yes\nchildren=1\ntcp_children=1\nlog_stderror=yes\nmpath="/usr/lib/x86_64-linux-gnu/kamailio/modules/"\nlisten=tcp:{ADDRESS}:{port}\nloadmodule "sl.so"\nrequest_route {{ sl_send_reply("200", "OK"); }}\n',
    )
    return ["kamailio", "-DD", "-E", "-f", conf, "-Y", str(at), "-m", "16", "-M", "4"]


def _lighttpd(at: Path, port: int) -> list[str]:
    return [
        "lighttpd",
        "-D",
        "-f",
        _write(at, "l.conf", f'server.document-root = "{at}"\nserver.port = {port}\nserver.bind = "{ADDRESS}"\n'),
    ]


def _redis_tls(at: Path, port: int) -> list[str]:
    cert, key = certificate(at)
    return [
        "redis-server",
        "--port",
        "0",
        "--tls-port",
        str(port),
        "--bind",
        ADDRESS,
        "--dir",
        str(at),
        "--save",
        "",
        "--tls-cert-file",
        cert,
        "--tls-key-file",
        key,
        "--tls-ca-cert-file",
        cert,
        "--tls-auth-clients",
        "no",
    ]


def _mosquitto_tls(at: Path, port: int) -> list[str]:
    cert, key = certificate(at)
    return [
        "mosquitto",
        "-c",
        _write(
            at,
            "m.conf",
            f"listener {port} {ADDRESS}\nallow_anonymous true\nuser root\ncertfile {cert}\nkeyfile {key}\n",
        ),
    ]


def _slapd_tls(at: Path, port: int) -> list[str]:
    cert, key = certificate(at)
    command = _slapd(at, port)
    conf = at / "slapd.conf"
    conf.write_text(f"TLSCertificateFile {cert}\nTLSCertificateKeyFile {key}\n" + conf.read_text())
    return [*command[:-1], f"ldaps://{ADDRESS}:{port}"]


def _haproxy_h2c(at: Path, port: int) -> list[str]:
    conf = "defaults\n mode http\n timeout client 5s\n timeout server 5s\n timeout connect 5s\n"
    return [
        "haproxy",
        "-db",
        "-f",
        _write(at, "h.cfg", conf + f"frontend f\n bind {ADDRESS}:{port} proto h2\n http-request return status 200\n"),
    ]


def _upsd(at: Path, port: int) -> list[str]:
    _write(at, "ups.conf", "[lab]\n driver = dummy-ups\n port = lab\n")
    _write(at, "upsd.conf", f"LISTEN {ADDRESS} {port}\n")
    _write(at, "upsd.users", "")
    places = [f"NUT_CONFPATH={at}", f"NUT_STATEPATH={at}", f"NUT_ALTPIDPATH={at}"]
    return ["env", *places, "upsd", "-F", "-u", "root"]


def _tarantool(at: Path, port: int) -> list[str]:
    places = f"wal_dir='{at}', memtx_dir='{at}', vinyl_dir='{at}'"
    return ["tarantool", _write(at, "lab.lua", f"box.cfg{{listen='{ADDRESS}:{port}', {places}}}\n")]


def _plain(*words: str) -> Callable[[Path, int], list[str]]:
    """A command line with {port} and {at} filled in."""
    return lambda at, port: [word.format(port=port, at=at) for word in words]


SERVERS: tuple[Server, ...] = (
    Server("openssh", "ssh", "OpenSSH", "sshd", "openssh-server", _sshd),
    Server("nginx", "http", "nginx", "nginx", "nginx-light", _nginx),
    Server("nginx-tls", "http", "nginx", "nginx", "nginx-light", lambda at, port: _nginx(at, port, tls=True), tls=True),
    Server("lighttpd", "http", "lighttpd", "lighttpd", "lighttpd", _lighttpd),
    Server("postgresql", "postgresql", "", "postgres", "postgresql", _postgres),
    Server("mariadb", "mysql", "MariaDB", "mariadbd", "mariadb-server", _mariadb),
    Server(
        "redis",
        "redis",
        "Redis",
        "redis-server",
        "redis-server",
        _plain("redis-server", "--port", "{port}", "--bind", ADDRESS, "--dir", "{at}", "--save", ""),
    ),
    Server(
        "redis-password",
        "redis",
        "Redis",
        "redis-server",
        "redis-server",
        _plain(
            "redis-server", "--port", "{port}", "--bind", ADDRESS, "--dir", "{at}", "--save", "", "--requirepass", "lab"
        ),
    ),
    Server(
        "memcached",
        "memcached",
        "memcached",
        "memcached",
        "memcached",
        _plain("memcached", "-u", "root", "-l", ADDRESS, "-p", "{port}", "-U", "0"),
    ),
    Server("mosquitto", "mqtt", "", "mosquitto", "mosquitto", _mosquitto),
    Server("rabbitmq", "amqp", "RabbitMQ", "rabbitmq-server", "rabbitmq-server", _rabbitmq),
    Server(
        "nats",
        "nats",
        "nats-server",
        "nats-server",
        "nats-server",
        _plain("nats-server", "-a", ADDRESS, "-p", "{port}"),
    ),
    Server("exim", "smtp", "Exim", "exim4", "exim4-daemon-light", _exim),
    Server(
        "dovecot-imap", "imap", "Dovecot", "dovecot", "dovecot-imapd", lambda at, port: _dovecot(at, port, kind="imap")
    ),
    Server(
        "dovecot-imaps",
        "imap",
        "Dovecot",
        "dovecot",
        "dovecot-imapd",
        lambda at, port: _dovecot(at, port, kind="imap", tls=True),
        tls=True,
    ),
    Server(
        "dovecot-pop3", "pop3", "Dovecot", "dovecot", "dovecot-pop3d", lambda at, port: _dovecot(at, port, kind="pop3")
    ),
    Server("vsftpd", "ftp", "vsFTPd", "vsftpd", "vsftpd", _vsftpd),
    Server("bind", "dns", "", "named", "bind9", _named),
    Server(
        "dnsmasq",
        "dns",
        "dnsmasq",
        "dnsmasq",
        "dnsmasq-base",
        _plain(
            "dnsmasq",
            "-k",
            "-C",
            "/dev/null",
            "-p",
            "{port}",
            "-a",
            ADDRESS,
            "--bind-interfaces",
            "-R",
            "-h",
            "-u",
            "root",
            "--pid-file=",
        ),
    ),
    Server("samba", "smb", "", "smbd", "samba", _smbd),
    Server("slapd", "ldap", "OpenLDAP", "slapd", "slapd", _slapd),
    Server("xvnc", "vnc", "", "Xvnc", "tigervnc-standalone-server", _xvnc),
    Server("xvfb", "x11", "", "Xvfb", "xvfb", _xvfb, port=6037),
    Server("ngircd", "irc", "", "ngircd", "ngircd", _ngircd),
    Server("xrdp", "rdp", "", "xrdp", "xrdp", _xrdp),
    Server("microsocks", "socks5", "", "microsocks", "microsocks", _plain("microsocks", "-i", ADDRESS, "-p", "{port}")),
    Server("telnetd", "telnet", "", "inetutils-inetd", "inetutils-telnetd inetutils-inetd", _telnetd),
    Server("etcd", "http", "", "etcd", "etcd-server", _etcd),
    Server("redis-tls", "redis", "Redis", "redis-server", "redis-server", _redis_tls, tls=True),
    Server("mosquitto-tls", "mqtt", "", "mosquitto", "mosquitto", _mosquitto_tls, tls=True),
    Server("slapd-tls", "ldap", "OpenLDAP", "slapd", "slapd", _slapd_tls, tls=True),
    Server("haproxy-h2c", "http2", "", "haproxy", "haproxy", _haproxy_h2c),
    Server("zookeeper", "zookeeper", "Apache ZooKeeper", "zkServer.sh", "zookeeper", _zookeeper),
    Server(
        "git-daemon",
        "git",
        "",
        "git",
        "git",
        _plain("git", "daemon", f"--listen={ADDRESS}", "--port={port}", "--base-path={at}"),
    ),
    Server("php-cgi", "fastcgi", "", "php-cgi8.2", "php8.2-cgi", _plain("php-cgi8.2", "-n", "-b", ADDRESS + ":{port}")),
    Server(
        "oidentd",
        "ident",
        "",
        "oidentd",
        "oidentd",
        _plain("oidentd", "-i", "-a", ADDRESS, "-p", "{port}", "-u", "root", "-g", "root"),
    ),
    Server("upsd", "nut", "upsd", "upsd", "nut-server", _upsd),
    Server("tarantool", "tarantool", "Tarantool", "tarantool", "tarantool", _tarantool),
    Server(
        "tor-control",
        "tor-control",
        "Tor",
        "tor",
        "tor",
        _plain(
            "tor",
            "--DataDirectory",
            "{at}",
            "--DisableNetwork",
            "1",
            "--SocksPort",
            "0",
            "--ControlPort",
            ADDRESS + ":{port}",
            "--User",
            "root",
            "--ignore-missing-torrc",
            "-f",
            "{at}/none",
        ),
    ),
    Server(
        "coturn",
        "stun",
        "",
        "turnserver",
        "coturn",
        _plain(
            "turnserver",
            "-n",
            "-L",
            ADDRESS,
            "-p",
            "{port}",
            "--no-udp",
            "--no-tls",
            "--no-dtls",
            "--no-cli",
            "--pidfile",
            "{at}/pid",
            "-a",
            "-u",
            "lab:lab",
            "-r",
            "lab",
        ),
    ),
    Server("kamailio", "sip", "kamailio", "kamailio", "kamailio", _kamailio),
)
"""What the lab can run. No BGP: a router closes on a stranger without a word, as it should."""


@dataclass(frozen=True)
class Running:
    """A server that listens."""

    server: Server
    port: int


def installed(server: Server) -> bool:
    """Whether its program is there."""
    if server.program == "zkServer.sh":
        return Path("/usr/share/zookeeper/bin/zkServer.sh").exists() and shutil.which("java") is not None
    return shutil.which(server.program, path=_PATH) is not None


@contextlib.contextmanager
def running(folder: Path, servers: Sequence[Server], *, seconds: float = 25) -> Iterator[list[Running]]:
    """Start the installed ones of `servers`, wait until they listen, and end them all afterwards."""
    folder.chmod(0o755)
    started: list[tuple[Server, int, subprocess.Popen[bytes]]] = []
    try:
        for number, server in enumerate(each for each in servers if installed(each)):
            at = folder / server.name
            at.mkdir()
            port = server.port or 21000 + number * 7
            command = server.command(at, port)
            with (at / "output").open("wb") as output:
                process = subprocess.Popen(
                    command,
                    stdout=output,
                    stderr=output,
                    stdin=subprocess.DEVNULL,
                    start_new_session=True,
                    env={**os.environ, "PATH": _PATH},
                    cwd="/",
                )
            started.append((server, port, process))
        yield [Running(server, port) for server, port, _ in started if _listens(port, time.monotonic() + seconds)]
    finally:
        for _, _, process in started:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
        for _, _, process in started:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(5)


def _listens(port: int, deadline: float) -> bool:
    """Whether something listens there before the deadline. Looks at the kernel's table, so as not to disturb it."""
    wanted = f":{port:04X}"
    while time.monotonic() < deadline:
        for table in ("/proc/net/tcp", "/proc/net/tcp6"):
            rows = (line.split() for line in Path(table).read_text().splitlines()[1:])
            if any(row[1].endswith(wanted) and row[3] == "0A" for row in rows):
                return True
        time.sleep(0.05)
    return False


def free_port() -> int:
    """A port of loopback that nothing listens on."""
    with socket.socket() as probe:
        probe.bind((ADDRESS, 0))
        return int(probe.getsockname()[1])
