"""`scanner scan`: probe targets now, hold what is open against the registry, write down what nobody expects."""

from scanner.app.exit_status import FailOn
from scanner.cli import options as opt
from scanner.engines.choose import EngineName, Wire


def scan_command(
    targets: opt.Targets = None,
    target_files: opt.TargetFiles = None,
    ports: opt.Ports = None,
    exclude: opt.Exclude = None,
    exclude_files: opt.ExcludeFile = None,
    exclude_ports: opt.ExcludePorts = None,
    scope: opt.ScopeFile = None,
    dry_run: opt.DryRun = False,
    shard: opt.ShardText = "1/1",
    seed: opt.Seed = None,
    engine: opt.Engine = EngineName.AUTO,
    connect: opt.ConnectScan = False,
    syn: opt.SynScan = False,
    rate: opt.Rate = None,
    host_rate: opt.HostRate = None,
    retries: opt.Retries = None,
    timeout: opt.Timeout = None,
    discover: opt.Discover = False,
    interface: opt.Interface = "",
    iflist: opt.InterfaceList = False,
    wire: opt.WireName = Wire.AUTO,
    no_ping: opt.NoPing = False,
    no_dns: opt.NoDns = False,
    identify: opt.Identify = False,
    output: opt.OutFile = None,
    csv: opt.Csv = False,
    json: opt.Json = False,
    nmap_xml: opt.NmapXml = None,
    pcap: opt.Pcap = None,
    all_open: opt.AllOpen = False,
    fail_on: opt.FailOnSeverity = FailOn.LOW,
    registry: opt.RegistryFile = None,
    policy: opt.PolicyFile = None,
    history: opt.HistoryFile = None,
    no_history: opt.NoHistory = False,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = 0,
) -> int:
    """Probe targets, hold what is open against the IANA registry, and write down what nobody expects."""
    from scanner.app.assembly import assemble
    from scanner.app.job import run_job
    from scanner.cli.views.dry_run import show_plan

    del no_ping, no_dns, iflist  # there is no ping to leave out, names are never looked up backwards, and iflist left
    wishes = opt.ScanOptions(
        targets=tuple(targets or ()),
        target_files=tuple(target_files or ()),
        ports=tuple(ports or ()),
        exclude=tuple(exclude or ()),
        exclude_files=tuple(exclude_files or ()),
        exclude_ports=tuple(exclude_ports or ()),
        scope=scope,
        shard=shard,
        seed=seed,
        engine=opt.engine_choice(engine, connect=connect, syn=syn),
        rate=rate,
        host_rate=host_rate,
        retries=retries,
        timeout=timeout,
        discover=discover,
        interface=interface,
        wire=wire,
        pcap=pcap,
        output=opt.file_named(output, "-o"),
        csv=csv,
        json=json,
        nmap_xml=opt.file_named(nmap_xml, "-oX"),
        identify=identify,
        all_open=all_open,
        fail_on=fail_on,
        registry=registry,
        policy=policy,
        history=history,
        no_history=no_history,
        quiet=quiet,
        verbose=verbose,
    )
    assembled = assemble(wishes)
    if dry_run:
        show_plan(assembled, as_json=json)
        return 0
    status, _ = run_job(assembled.job())
    return status
