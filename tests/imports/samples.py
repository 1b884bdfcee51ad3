"""A small file of each format, as the programs write it. Those of nmap, masscan, ss and netstat are from real runs."""

from collections.abc import Mapping
from types import MappingProxyType

NMAP_XML = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE nmaprun>
<?xml-stylesheet href="file:///usr/bin/../share/nmap/nmap.xsl" type="text/xsl"?>
<!-- Nmap 7.93 scan initiated Wed Nov 25 03:26:54 2026 as: nmap -v -p 20-30 -oX b.xml 10.0.0.1 10.0.0.2 -->
<nmaprun scanner="nmap" args="nmap -v -p 20-30 -oX b.xml 10.0.0.1 10.0.0.2" start="1795577214" version="7.93" xmloutputversion="1.05">
<scaninfo type="connect" protocol="tcp" numservices="11" services="20-30"/>
<verbose level="1"/>
<taskbegin task="Connect Scan" time="1795577214"/>
<host><status state="down" reason="no-response" reason_ttl="0"/>
<address addr="10.0.0.2" addrtype="ipv4"/>
</host>
<host starttime="1795577214" endtime="1795577215"><status state="up" reason="conn-refused" reason_ttl="0"/>
<address addr="10.0.0.1" addrtype="ipv4"/>
<address addr="02:00:00:00:00:01" addrtype="mac"/>
<hostnames><hostname name="web.example" type="user"/><hostname name="a.example" type="PTR"/></hostnames>
<ports><extraports state="closed" count="9">
<extrareasons reason="conn-refused" count="9" proto="tcp" ports="20-21,24-30"/>
</extraports>
<port protocol="tcp" portid="22"><state state="open" reason="syn-ack" reason_ttl="64"/><service name="ssh" product="OpenSSH" version="9.2p1" method="probed" conf="10"/></port>
<port protocol="tcp" portid="23"><state state="filtered" reason="no-response" reason_ttl="0"/><service name="telnet" method="table" conf="3"/></port>
</ports>
<times srtt="106" rttvar="343" to="100000"/>
</host>
<runstats><finished time="1795577215" exit="success"/><hosts up="1" down="1" total="2"/>
</runstats>
</nmaprun>
"""  # noqa: E501

NMAP_GREPABLE = """\
# Nmap 7.93 scan initiated Wed Nov 25 03:26:54 2026 as: nmap -v -p 20-30 -oG b.gnmap 10.0.0.1 10.0.0.2
# Ports scanned: TCP(11;20-30) UDP(0;) SCTP(0;) PROTOCOLS(0;)
Host: 10.0.0.2 ()\tStatus: Down
Host: 10.0.0.1 (a.example)\tStatus: Up
Host: 10.0.0.1 (a.example)\tPorts: 22/open/tcp//ssh//OpenSSH 9/, 23/filtered/tcp//telnet///\tIgnored State: closed (9)
# Nmap done at Wed Nov 25 03:26:55 2026 -- 2 IP addresses (1 host up) scanned in 0.02 seconds
"""

MASSCAN_GREPABLE = """\
# Masscan 1.3.2 scan initiated Wed Nov 25 03:29:17 2026
# Ports scanned: TCP(22;8070-8090,9090-9090) UDP(0;) SCTP(0;) PROTOCOLS(0;)
Timestamp: 1795577357\tHost: 10.0.0.1 ()\tPorts: 9090/open/tcp//unknown//
# Masscan done at Wed Nov 25 03:29:22 2026
"""

MASSCAN_XML = """<?xml version="1.0"?>
<!-- masscan v1.0 scan -->
<nmaprun scanner="masscan" start="1795577324" version="1.0-BETA"  xmloutputversion="1.03">
<scaninfo type="syn" protocol="tcp" />
<host endtime="1795577324"><address addr="10.0.0.1" addrtype="ipv4"/><ports><port protocol="tcp" portid="9090"><state state="open" reason="syn-ack" reason_ttl="64"/></port></ports></host>
<runstats>
<finished time="1795577327" timestr="2026-11-25 03:28:47" elapsed="3" />
<hosts up="2" down="0" total="2" />
</runstats>
</nmaprun>
"""  # noqa: E501

MASSCAN_LIST = "#masscan\nopen tcp 9090 10.0.0.1 1795577327\nclosed tcp 8084 10.0.0.1 1795577335\n# end\n"

MASSCAN_JSON = """[
{   "ip": "10.0.0.1",   "timestamp": "1795577322", "ports": [ {"port": 9090, "proto": "tcp", "status": "open", "reason": "syn-ack", "ttl": 64} ] }
,
{   "ip": "10.0.0.2",   "timestamp": "1795577322", "ports": [ {"port": 53, "proto": "udp", "status": "open", "reason": "udp-response", "ttl": 64} ] }
]
"""  # noqa: E501

NAABU = """\
{"host":"web.example","ip":"10.0.0.1","timestamp":"2026-11-25T03:26:54.123456789Z","port":9090,"protocol":"tcp","tls":false}
{"ip":"10.0.0.2","timestamp":"2026-11-25T03:26:54Z","port":{"Port":22,"Protocol":0,"TLS":false}}
"""

ZMAP = """\
saddr,sport,classification,success,timestamp_str
10.0.0.1,9090,synack,1,2026-11-25T03:26:54.000+0000
10.0.0.2,9090,rst,0,2026-11-25T03:26:54.000+0000
"""

RUSTSCAN = "10.0.0.1 -> [22,9090]\nOpen 10.0.0.2:80\nOpen [fd00::1]:443\n"

SS = """\
udp   UNCONN 0      0            127.0.0.53%lo:53         0.0.0.0:*    users:(("systemd-resolve",pid=5,fd=12))
udp   UNCONN 0      0                  0.0.0.0:68         0.0.0.0:*
tcp   LISTEN 0      128                0.0.0.0:22         0.0.0.0:*    users:(("sshd",pid=1,fd=3))
tcp   LISTEN 0      5               10.0.0.1:9090         0.0.0.0:*    users:(("python3",pid=30171,fd=3))
tcp   LISTEN 0      128                   [::]:22            [::]:*    users:(("sshd",pid=1,fd=4))
"""

NETSTAT = """\
Active Internet connections (only servers)
Proto Recv-Q Send-Q Local Address           Foreign Address         State       PID/Program name
tcp        0      0 0.0.0.0:22              0.0.0.0:*               LISTEN      -
tcp        0      0 10.0.0.1:9090           0.0.0.0:*               LISTEN      30171/python3
tcp6       0      0 :::22                   :::*                    LISTEN      -
udp        0      0 0.0.0.0:68              0.0.0.0:*                           -
"""

OSQUERY = """[
  {"address":"0.0.0.0","family":"2","fd":"3","name":"sshd","path":"","pid":"1","port":"22","protocol":"6"},
  {"address":"127.0.0.1","family":"2","fd":"3","path":"","pid":"7","port":"631","protocol":"6"},
  {"address":"","family":"1","fd":"3","path":"/run/x","pid":"7","port":"0","protocol":"0"}
]
"""

ALL: Mapping[str, str] = MappingProxyType(
    {
        "nmap.xml": NMAP_XML,
        "nmap.gnmap": NMAP_GREPABLE,
        "masscan.gnmap": MASSCAN_GREPABLE,
        "masscan.xml": MASSCAN_XML,
        "masscan.list": MASSCAN_LIST,
        "masscan.json": MASSCAN_JSON,
        "naabu.json": NAABU,
        "zmap.csv": ZMAP,
        "rustscan.txt": RUSTSCAN,
        "ss.txt": SS,
        "netstat.txt": NETSTAT,
        "osquery.json": OSQUERY,
    }
)
"""Every sample by a file name."""
