"""Web products by the header that only they send, or by their title."""

import pytest

from scanner.core.recognise.http import http

CASES = [
    ("TeamCity", b"teamcity-node-id: 1\r\n\r\n", ""),
    ("Confluence", b"x-confluence-request-time: 1\r\n\r\n", ""),
    ("Plex Media Server", b"x-plex-protocol: 1\r\n\r\n", ""),
    ("Pi-hole", b"x-pi-hole: 1\r\n\r\n", ""),
    ("Syncthing", b"x-syncthing-version: v1.2\r\n\r\n", "1.2"),
    ("Transmission", b"x-transmission-session-id: 1\r\n\r\n", ""),
    ("Outlook Web Access", b"x-owa-version: 15.1\r\n\r\n", "15.1"),
    ("SharePoint", b"microsoftsharepointteamservices: 15.1\r\n\r\n", "15.1"),
    ("Drupal", b"x-generator: Drupal 9\r\n\r\n", "9"),
    ("Squid", b"server: squid/1.2\r\n\r\n", "1.2"),
    ("Varnish", b"x-varnish: 1\r\n\r\n", ""),
    ("HP iLO", b"server: HPE-iLO-Server/1.2\r\n\r\n", "1.2"),
    ("Webmin", b"server: MiniServ/1.2\r\n\r\n", "1.2"),
    ("Icecast", b"server: Icecast 1.2\r\n\r\n", "1.2"),
    ("Kong", b"server: kong/1.2\r\n\r\n", "1.2"),
    ("PowerDNS", b"server: PowerDNS/1.2\r\n\r\n", "1.2"),
    ("Synapse", b"server: Synapse/1.2\r\n\r\n", "1.2"),
    ("HAProxy", b"\r\n<html><title>Statistics Report for HAProxy</title>", ""),
    ("phpMyAdmin", b"\r\n<html><title>phpMyAdmin</title>", ""),
    ("Alertmanager", b"\r\n<html><title>Alertmanager</title>", ""),
    ("Harbor", b"\r\n<html><title>Harbor</title>", ""),
    ("Apache Airflow", b"\r\n<html><title>Sign In - Airflow</title>", ""),
    ("MLflow", b"\r\n<html><title>MLflow</title>", ""),
    ("TensorBoard", b"\r\n<html><title>TensorBoard</title>", ""),
    ("Ray dashboard", b"\r\n<html><title>Ray Dashboard</title>", ""),
    ("Apache Flink", b"\r\n<html><title>Apache Flink Web Dashboard</title>", ""),
    ("Apache NiFi", b"\r\n<html><title>NiFi</title>", ""),
    ("SonarQube", b"\r\n<html><title>SonarQube</title>", ""),
    ("Home Assistant", b"\r\n<html><title>Home Assistant</title>", ""),
    ("Node-RED", b"\r\n<html><title>Node-RED</title>", ""),
    ("Jellyfin", b"\r\n<html><title>Jellyfin</title>", ""),
    ("Synology DSM", b"\r\n<html><title>Synology</title>", ""),
    ("pfSense", b"\r\n<html><title>pfSense</title>", ""),
    ("OPNsense", b"\r\n<html><title>Log in - OPNsense</title>", ""),
    ("MikroTik RouterOS", b"\r\n<html><title>RouterOS</title>", ""),
    ("Graylog", b"\r\n<html><title>Graylog</title>", ""),
    ("qBittorrent", b"\r\n<html><title>qBittorrent</title>", ""),
    ("Mattermost", b"\r\n<html><title>Mattermost</title>", ""),
    ("CockroachDB", b"\r\n<html><title>CockroachDB Console</title>", ""),
    ("Zabbix frontend", b"\r\n<html><title>Log in - Zabbix</title>", ""),
    ("Nextcloud", b"\r\n<html><title>Log in - Nextcloud</title>", ""),
    ("Keycloak", b"\r\n<html><title>Welcome to Keycloak</title>", ""),
    ("Open WebUI", b"\r\n<html><title>Open WebUI</title>", ""),
    ("LiteLLM", b"\r\n<html><title>LiteLLM</title>", ""),
    ("Node.js inspector", b"\r\nWebSockets request was expected\r\n", ""),
    ("WordPress", b'\r\n<meta name="generator" content="WordPress 6.4" />', "6.4"),
    ("Joomla", b'\r\n<meta name="generator" content="Joomla! - Open Source" />', ""),
]


@pytest.mark.parametrize(("product", "rest", "version"), CASES, ids=[case[0] for case in CASES])
def test_a_product_is_named_by_what_only_it_sends(product: str, rest: bytes, version: str) -> None:
    found = http(b"HTTP/1.1 200 OK\r\n" + rest)
    assert found is not None
    assert (found.protocol, found.product, found.version) == ("http", product, version)


@pytest.mark.parametrize("title", ["Harborside hotel", "Nifige", "Mattermosts", "Rayon", "Airflows of the north"])
def test_a_title_that_only_begins_like_a_product_is_none(title: str) -> None:
    found = http(f"HTTP/1.1 200 OK\r\nServer: nginx/1.2\r\n\r\n<title>{title}</title>".encode())
    assert found is not None
    assert found.product == "nginx"


def test_a_debugger_that_answers_is_open_to_everybody() -> None:
    found = http(b"HTTP/1.0 400 Bad Request\r\n\r\nWebSockets request was expected\r\n")
    assert found is not None
    assert found.detail == "no authentication"
