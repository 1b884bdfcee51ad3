"""Web products: how each is recognised behind HTTP, and with which status it serves whoever asks.

The table is asked in its order: programs that an auditor must know of (databases, orchestrators, consoles) come before
the web server that carries them. A row rests on what only its product sends: a header, a title, a form of its answer.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


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


def _titled(words: bytes) -> bytes:
    """Return a pattern for a page whose title begins with `words`."""
    return rb"<title[^>]{0,60}>\s{0,40}" + words + rb"()(?![a-z])"


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
    Product("TeamCity", header="teamcity-node-id"),
    Product("Confluence", header="x-confluence-request-time"),
    Product("Plex Media Server", header="x-plex-protocol"),
    Product("Pi-hole", header="x-pi-hole"),
    Product("Syncthing", header="x-syncthing-version", value=r"v?([\w.-]{1,40})"),
    Product("Transmission", header="x-transmission-session-id"),
    Product("Outlook Web Access", header="x-owa-version", value=r"([\d.]{1,40})"),
    Product("SharePoint", header="microsoftsharepointteamservices", value=r"([\d.]{1,40})"),
    Product("Drupal", header="x-generator", value=r"Drupal ([\d.]{1,20})"),
    Product("Squid", header="server", value=r"squid/([\w.]{1,40})"),
    Product("Varnish", header="x-varnish"),
    Product("HP iLO", header="server", value=r"HPE?-iLO-Server/([\w.]{1,40})"),
    Product("Webmin", header="server", value=r"MiniServ/([\w.]{1,40})"),
    Product("Icecast", header="server", value=r"Icecast ([\w.]{1,40})"),
    Product("Kong", header="server", value=r"kong/([\w.-]{1,40})"),
    Product("PowerDNS", header="server", value=r"PowerDNS/([\w.-]{1,40})"),
    Product("Synapse", header="server", value=r"Synapse/([\w.-]{1,40})"),
    Product("HAProxy", body=_titled(rb"Statistics Report for HAProxy")),
    Product("phpMyAdmin", body=_titled(rb"phpMyAdmin")),
    Product("Alertmanager", body=_titled(rb"Alertmanager")),
    Product("Harbor", body=_titled(rb"Harbor")),
    Product("Apache Airflow", body=_titled(rb"(?:Sign In - )?Airflow")),
    Product("MLflow", body=_titled(rb"MLflow")),
    Product("TensorBoard", body=_titled(rb"TensorBoard")),
    Product("Ray dashboard", body=_titled(rb"Ray Dashboard")),
    Product("Apache Flink", body=_titled(rb"Apache Flink Web Dashboard")),
    Product("Apache NiFi", body=_titled(rb"NiFi")),
    Product("SonarQube", body=_titled(rb"SonarQube")),
    Product("Home Assistant", body=_titled(rb"Home Assistant")),
    Product("Node-RED", body=_titled(rb"Node-RED")),
    Product("Jellyfin", body=_titled(rb"Jellyfin")),
    Product("Synology DSM", body=_titled(rb"Synology")),
    Product("pfSense", body=_titled(rb"pfSense")),
    Product("OPNsense", body=_titled(rb"[^<]{0,40}OPNsense")),
    Product("MikroTik RouterOS", body=_titled(rb"RouterOS")),
    Product("Graylog", body=_titled(rb"Graylog")),
    Product("qBittorrent", body=_titled(rb"qBittorrent")),
    Product("Mattermost", body=_titled(rb"Mattermost")),
    Product("CockroachDB", body=_titled(rb"CockroachDB Console")),
    Product("Zabbix frontend", body=_titled(rb"[^<]{0,60}Zabbix")),
    Product("Nextcloud", body=_titled(rb"[^<]{0,60}Nextcloud")),
    Product("Keycloak", body=_titled(rb"Welcome to Keycloak")),
    Product("Open WebUI", body=_titled(rb"Open WebUI")),
    Product("LiteLLM", body=_titled(rb"LiteLLM")),
    Product("Node.js inspector", body=rb"WebSockets request was expected()"),
    Product("WordPress", body=rb'<meta name="generator" content="WordPress ([\d.]{1,20})"'),
    Product("Joomla", body=rb'<meta name="generator" content="Joomla!()'),
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
        "Node.js inspector": frozenset({400}),
        "Ray dashboard": frozenset({200}),
        "TensorBoard": frozenset({200}),
        "Apache Flink": frozenset({200}),
    }
)
"""The statuses with which a product serves `/` to a client without credentials, where one that wants them would not."""
