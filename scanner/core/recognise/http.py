"""HTTP and what is behind it: the status line, the telling headers, and a table of products.

RFC 9112 4 (status line), RFC 9113 4.1 (frame header) and 3.4 (an HTTP/2 server begins with SETTINGS).
RTSP (RFC 7826) and SIP (RFC 3261) answer in the same form.

The product table is asked in its order: programs that an auditor must know of (databases, orchestrators,
consoles) come before the web server that carries them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from scanner.core.recognise.identity import AUTHENTICATION_REQUIRED, NO_AUTHENTICATION, ProtocolMatch
from scanner.core.recognise.recogniser import text

AGENT = "scanner-iana (authorised port audit)"
"""How we introduce ourselves wherever a protocol has a place for it."""


def http_request(host: str, path: str = "/") -> bytes:
    """`GET` in HTTP/1.1 (RFC 9112 3). `host` is the address or name, for the Host field."""
    return (
        f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {AGENT}\r\nAccept: */*\r\nConnection: close\r\n\r\n"
    ).encode("ascii", "replace")


_STATUS = re.compile(rb"(HTTP|RTSP|SIP)/(\d(?:\.\d)?) (\d{3})[^\r\n]{0,200}\r?\n?")
_HEADER = re.compile(rb"([A-Za-z0-9-]{1,60}):[ \t]*([^\r\n]{0,300})\r?\n")
_TITLE = re.compile(rb"<title[^>]{0,100}>([^<]{1,300})<", re.IGNORECASE)
_SERVER = re.compile(r"([^/(;]{1,80})(?:/([\w.+-]{1,40}))?")


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """An HTTP-like answer, taken apart as far as it came."""

    status: int
    """The three-digit status."""
    headers: Mapping[str, str]
    """Header names in lower case, the first value of each."""
    body: bytes
    """As much of the body as was read."""


@dataclass(frozen=True, slots=True)
class Product:
    """A product and how its answers are recognised."""

    name: str
    """Its name."""
    header: str = ""
    """A header that only it sends, in lower case; or one that must match `value`."""
    value: str = ""
    """A regular expression on that header's value; its first group is the version."""
    body: bytes = b""
    """A regular expression on the body; its first group is the version."""
    protocol: str = "http"
    """The protocol of a port that only answers HTTP to say that it speaks another."""


PRODUCTS: tuple[Product, ...] = (
    Product("OpenSearch", body=rb'"distribution" ?: ?"opensearch"(?:.{0,80}"number" ?: ?"([^"]{1,40})")?'),
    Product("Elasticsearch", body=rb'"version" ?: ?\{\s{0,20}"number" ?: ?"([^"]{1,40})".{0,600}"lucene_version"'),
    Product("Elasticsearch", header="x-elastic-product", value=r"Elasticsearch()"),
    Product("Elasticsearch", body=rb'"type" ?: ?"security_exception"()'),
    Product("Kibana", header="kbn-name"),
    Product("Kibana", header="kbn-version", value=r"([\w.]{1,40})"),
    Product("Kibana", header="location", value=r"(?:/app/kibana|/spaces/enter|/login\?next=%2F)()"),
    Product("Docker Engine API", header="server", value=r"Docker/([\w.+-]{1,40})"),
    Product("Docker Engine API", header="docker-experimental"),
    Product("Docker registry", header="docker-distribution-api-version"),
    Product("Kubernetes API", body=rb'\{\s{0,10}"kind" ?: ?"Status",\s{0,10}"apiVersion" ?: ?"v1"()'),
    Product("Kubernetes API", body=rb'\{\s{0,10}"paths" ?: ?\[\s{0,10}"/(?:\.well-known|api)()'),
    Product("Kubernetes API", header="audit-id"),
    Product("etcd", body=rb'"etcdserver" ?: ?"([\w.]{1,40})"'),
    Product("etcd", header="x-etcd-cluster-id"),
    Product("CouchDB", body=rb'\{"couchdb" ?: ?"Welcome",(?:.{0,40}"version" ?: ?"([\w.]{1,40})")?'),
    Product("CouchDB", header="server", value=r"CouchDB/([\w.]{1,40})"),
    Product("MongoDB", body=rb"It looks like you are trying to access MongoDB over HTTP()", protocol="mongodb"),
    Product("Tor", body=rb"Tor's ControlPort is not an HTTP proxy()", protocol="tor-control"),
    Product("Tor", body=rb"Tor is not an HTTP Proxy()", protocol="socks5"),
    Product("ClickHouse", body=rb"Port \d{1,5} is for clickhouse-client program()", protocol="clickhouse"),
    Product(
        "Apache Hadoop", body=rb"It looks like you are making an HTTP request to a Hadoop()", protocol="hadoop-ipc"
    ),
    Product("ClickHouse", header="x-clickhouse-summary"),
    Product("ClickHouse", header="x-clickhouse-server-display-name"),
    Product("InfluxDB", header="x-influxdb-version", value=r"v?([\w.]{1,40})"),
    Product("Neo4j", body=rb'"neo4j_version" ?: ?"([\w.]{1,40})"'),
    Product("ArangoDB", header="x-arango-queue-time-seconds"),
    Product("Solr", header="location", value=r".{0,200}/solr/()"),
    Product("Consul", header="location", value=r"/ui/()\Z"),
    Product("HashiCorp Vault", header="location", value=r"/ui/vault()"),
    Product("Nomad", header="location", value=r"/ui/jobs()"),
    Product("Prometheus", header="location", value=r"/(?:graph|query)()\Z"),
    Product("Prometheus exporter", body=rb"<h1>[\w ]{0,60}[Ee]xporter()"),
    Product("Grafana", header="set-cookie", value=r"(?:grafana_session|redirect_to=)()"),
    Product("Grafana", body=rb"<title>Grafana()"),
    Product("Jenkins", header="x-jenkins", value=r"([\w.]{1,40})"),
    Product("Sonatype Nexus", header="server", value=r"Nexus/([\w.-]{1,40})"),
    Product("JFrog Artifactory", header="x-artifactory-id"),
    Product("GitLab", header="x-gitlab-meta"),
    Product("Gitea", header="set-cookie", value=r"i_like_gitea=()"),
    Product("RabbitMQ management", body=rb"<title>RabbitMQ Management()"),
    Product("MinIO", header="server", value=r"MinIO()"),
    Product("Jupyter", header="location", value=r"/(?:tree|lab)\b()"),
    Product("Portainer", body=rb"<title>Portainer()"),
    Product("Traefik", body=rb"<title>Traefik()"),
    Product("Hadoop HDFS", body=rb"(?:dfshealth|Hadoop Administration)()"),
    Product("Spark", body=rb"<title>Spark Master()"),
    Product("Splunk", header="server", value=r"Splunkd()"),
    Product("Proxmox VE", header="server", value=r"pve-api-daemon/([\w.]{1,40})"),
    Product("VMware ESXi", body=rb"(?:ID_EESX_Welcome|VMware ESXi)()"),
    Product("Apache Tomcat", body=rb"<title>Apache Tomcat/([\w.]{1,40})"),
    Product("CUPS", header="server", value=r"CUPS/([\w.]{1,40})"),
    Product("UPnP", header="server", value=r".{0,100}UPnP/([\w.]{1,10})"),
    Product("Ollama", body=rb"Ollama is running()"),
)
"""Products that are recognised behind HTTP, the most specific first."""


OPEN_BY_STATUS: Mapping[str, frozenset[int]] = MappingProxyType(
    {
        "Elasticsearch": frozenset({200}),
        "OpenSearch": frozenset({200}),
        "Docker Engine API": frozenset({200, 404}),
        "Kubernetes API": frozenset({200}),
        "Jenkins": frozenset({200}),
        "Hadoop HDFS": frozenset({200}),
        "Spark": frozenset({200}),
        "Ollama": frozenset({200}),
    }
)
"""The statuses with which a product serves `/` to a client without credentials, where one that wants them would not."""


def http(data: bytes) -> ProtocolMatch | None:
    """HTTP/1.x, RTSP and SIP, by the status line; product, version and title as far as they were read."""
    found = _STATUS.match(data)
    if found is None:
        return None
    answer = parse(data, found)
    protocol = text(found[1]).lower()
    if protocol == "http" and _wants_tls(answer):
        return ProtocolMatch("tls", certain=False)
    product, version = _product(answer) if protocol == "http" else (None, "")
    if product is not None and product.protocol != "http":
        return ProtocolMatch(product.protocol, product.name, version)
    name = product.name if product else ""
    if not name:
        name, version = _server(answer)
    return ProtocolMatch(protocol, name, version, _detail(answer, name))


def http2(data: bytes) -> ProtocolMatch | None:
    """A server that begins with an HTTP/2 SETTINGS frame: type 4, stream 0, length a multiple of six."""
    if len(data) < 9 or data[3] != 4 or data[4] != 0 or data[5:9] != b"\0\0\0\0":
        return None
    length = int.from_bytes(data[:3], "big")
    return ProtocolMatch("http2") if length % 6 == 0 and length <= 240 else None


def parse(data: bytes, status: re.Match[bytes]) -> HttpAnswer:
    """An answer whose status line was already found."""
    headers: dict[str, str] = {}
    at = status.end()
    while (found := _HEADER.match(data, at)) is not None and len(headers) < 60:
        headers.setdefault(text(found[1]).lower(), text(found[2]))
        at = found.end()
    return HttpAnswer(int(status[3]), headers, data[at:].lstrip(b"\r\n"))


def _product(answer: HttpAnswer) -> tuple[Product | None, str]:
    for product in PRODUCTS:
        version = _tell(product, answer)
        if version is not None:
            return product, version
    return None, ""


def _tell(product: Product, answer: HttpAnswer) -> str | None:
    """The version where the answer is this product's (empty where it does not say), else None."""
    if product.body:
        found = re.search(product.body, answer.body[:4096], re.DOTALL)
        return None if found is None else text(found[1])
    if product.header not in answer.headers:
        return None
    if not product.value:
        return ""
    match = re.match(product.value, answer.headers[product.header])
    return None if match is None else match[1]


def _server(answer: HttpAnswer) -> tuple[str, str]:
    words = answer.headers.get("server") or answer.headers.get("user-agent") or ""
    found = _SERVER.match(words)
    return (found[1].strip(), found[2] or "") if found else (words, "")


def _wants_tls(answer: HttpAnswer) -> bool:
    """The 400 (nginx, Apache, Go) or 426 of a TLS port that was asked in the clear."""
    return answer.status in (400, 426) and bool(
        re.search(rb"HTTPS port|HTTP request to an HTTPS server|speaking plain HTTP", answer.body[:4096])
    )


def _detail(answer: HttpAnswer, product: str) -> str:
    if answer.status == 401 or (answer.status == 403 and product in OPEN_BY_STATUS):
        return AUTHENTICATION_REQUIRED
    if answer.status in OPEN_BY_STATUS.get(product, ()):
        return NO_AUTHENTICATION
    title = _TITLE.search(answer.body[:4096])
    return f"title: {text(title[1])}"[:120] if title else f"status {answer.status}"
