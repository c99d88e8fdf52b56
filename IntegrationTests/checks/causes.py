"""Exit codes and advice name the real cause; arguments are taken as the kernel passes them."""
import os
import socket
from pathlib import Path

from support import (
    check, expect, expect_within, free_port, namespace, run, scratch, sock, sock_path, start, wait_bound,
    wait_for_unix,
)

HOSTS = "127.0.0.1 localhost\n::1 localhost\n"


def named(result, *texts):
    for text in texts:
        expect(text.encode() in result.err, f"no {text!r} in {result.err!r}")
    return result


@check("sock exits with 7 and names the local ports if they are exhausted", "ip", root=True)
def _():
    space = namespace("ports", hosts=HOSTS)
    space.prepare("sysctl", "-qw", "net.ipv4.ip_local_port_range=40000 40001")
    server = start(*space.inside(*sock("serve", "discard", "127.0.0.1", "7009")), stdin=None)
    wait_bound(7009, pid=server.pid)
    clients = [start(*space.inside(*sock("-v", "127.0.0.1", "7009"))) for _ in range(2)]
    for client in clients:
        client.wait_for(rb"connected", stream="err")
    for flags in ([], ["-s", "127.0.0.1"]):
        result = run(*space.inside(*sock(*flags, "127.0.0.1", "7009"))).expect(7, out=b"")
        named(result, "All local ports")


@check("sock exits with 45 for a local port below 1024 without the privilege", "setpriv", root=True)
def _():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        plain = ["setpriv", "--bounding-set=-net_bind_service", "--inh-caps=-net_bind_service"]
        for words in (["-p", "80", "127.0.0.1", port], ["-l", "127.0.0.1", "80"],
                      ["-s", "127.0.0.1", "-p", "80", "127.0.0.1", port],
                      ["-u", "-p", "80", "127.0.0.1", port]):
            named(run(*plain, *sock(*words)).expect(45, out=b""), "below 1024")


@check("sock exits with 45 for a local address of another machine, and with 2 or 6 for one of a wrong family")
def _():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        for words in (["-s", "192.0.2.1", "127.0.0.1", port], ["-l", "192.0.2.1", "0"],
                      ["-u", "-s", "192.0.2.1", "127.0.0.1", port]):
            named(run(*sock(*words)).expect(45, out=b""), "192.0.2.1", "does not have that address")
        run(*sock("-4", "-s", "::1", "localhost", port)).expect(2, out=b"")
        named(run(*sock("-s", "::1", "127.0.0.1", port)).expect(2, out=b""), "-s ::1", "127.0.0.1")
        for words in (["-4", "::1", port], ["-4", "::", port], ["-l", "-4", "::", "0"],
                      ["-6", "127.0.0.1", port],
                      ["info", "-4", "::1", port], ["resolve", "-6", "127.0.0.1"],
                      ["serve", "-4", "echo", "::1", "0"]):
            result = named(run(*sock(*words)).expect(6, out=b""), "IPv4", "IPv6")
            expect(b"for hostname" not in result.err, f"{words}: {result.err!r}")


@check("-z prints nothing without -v, and prints the reason with -v")
def _():
    port = free_port()
    for flags in (["-z"], ["-zw1"], ["-zu"]):
        run(*sock(*flags, "127.0.0.1", port)).expect(7, out=b"", err=b"")
    named(run(*sock("-zv", "127.0.0.1", port)).expect(7, out=b""), "refused")
    expect(run(*sock("-z", "no-such-host.invalid", port)).err, "an unknown name is not named")


@check("an unusable path of a Unix socket has advice about the path")
def _():
    named(run(*sock("-lU", scratch("none/s"))).expect(45), "folder")
    file = Path(scratch("file"))
    file.write_text("x")
    named(run(*sock("-lU", file / "s")).expect(45), "folder")
    named(run(*sock("-U", scratch("none"))).expect(7), "Check the path")


@check("sock exits with 45 if -lU may not use the path, and with 7 if -U may not", "setpriv", root=True)
def _():
    folder = Path(scratch("closed"))
    folder.mkdir()
    folder.chmod(0o755)
    path = folder / "s"
    start(*sock("-lkU", path))
    wait_for_unix(str(path))
    folder.chmod(0o700)
    plain = ["setpriv", "--inh-caps=-all", "--bounding-set=-dac_override,-dac_read_search"]
    os.chown(folder, 65534, 65534)
    result = run(*plain, *sock("-lU", folder / "t")).expect(45, out=b"")
    named(result, "may not create a file")
    expect(b"1024" not in result.err, f"errors {result.err!r}")
    named(run(*plain, *sock("-U", path)).expect(7, out=b""), "may not access the socket file")


@check("the error names a local firewall that forbids sending", "ip", "nft", root=True)
def _():
    space = namespace("firewall", hosts=HOSTS)
    space.prepare("nft", "add", "table", "inet", "t")
    space.prepare("nft", "add", "chain", "inet", "t", "c",
                  "{ type filter hook output priority 0 ; }")
    space.prepare("nft", "add", "rule", "inet", "t", "c", "udp", "dport", "9", "drop")
    result = run(*space.inside(*sock("-u", "127.0.0.1", "9")), stdin=b"x").expect(55, out=b"")
    named(result, "firewall")
    expect(b"stopped" not in result.err, f"errors {result.err!r}")


@check("sock -u refuses a broadcast address without -b, and advises --broadcast", "ip", root=True)
def _():
    space = namespace("broadcast", hosts=HOSTS)
    space.prepare("ip", "link", "add", "d0", "type", "veth", "peer", "name", "d1")
    space.prepare("ip", "address", "add", "192.0.2.1/24", "brd", "+", "dev", "d0")
    for link in ("d0", "d1"):
        space.prepare("ip", "link", "set", link, "up")
    words = ["-u", "--send-only", "192.0.2.255", "9"]
    named(run(*space.inside(*sock(*words)), stdin=b"x").expect(7, out=b""), "--broadcast")
    run(*space.inside(*sock("-b", *words)), stdin=b"x").expect(0, out=b"", err=b"")


@check("the error about 300 refused addresses is shorter than 500 bytes", "ip", root=True)
def _():
    many = "".join(f"127.1.{n // 250}.{n % 250 + 1} many\n" for n in range(300))
    space = namespace("many", hosts=HOSTS + many)
    result = run(*space.inside(*sock("-4", "many", "9")), limit=120).expect(7, out=b"")
    expect(len(result.err) < 500, f"{len(result.err)} bytes")
    named(result, "and 296 more")


@check("a Unix path with bytes that are not UTF-8 creates and reaches the right file")
def _():
    path = os.fsencode(scratch("bad")) + b"\xff"
    for flags, listen in ((["-U"], ["-lU"]), (["-uU"], ["-luU"])):
        script = f'exec "$0" -v {listen[0]} "$1"'
        server = start("bash", "-c", script, sock_path(), os.fsdecode(path))
        server.wait_for(rb"Listening on .*bad\\xff", stream="err")
        expect(os.path.exists(path), "there is no such file")
        server.end_input()
        run("bash", "-c", f'exec "$0" {flags[0]} "$1"', sock_path(), os.fsdecode(path), stdin=b"hi")
        server.wait_for(rb"hi")
        server.kill()
        if os.path.exists(path):
            os.unlink(path)
    for prefix, listen in ((b"unix:", "-l"), (b"unixgram:", "-l")):
        server = start("bash", "-c", f'exec "$0" -v {listen} "$1"', sock_path(),
                       os.fsdecode(prefix + path))
        server.wait_for(rb"Listening on .*bad\\xff", stream="err")
        expect(os.path.exists(path), "there is no such file")
        server.kill()
        os.unlink(path)


@check("sock reads its arguments without /proc", "unshare", root=True)
def _():
    script = 'mount -t tmpfs none /proc && exec "$0" --version'
    run("unshare", "-m", "bash", "-c", script, sock_path()).expect(0, out=b"sock 0.1.0\n", err=b"")


@check("-w limits the lookup, with and without -u, and -p tries both families at once", "ip", root=True)
def _():
    space = namespace(
        "silent", hosts="127.0.0.1 localhost\n", resolv_conf="nameserver 192.0.2.53\n",
        nsswitch_conf="hosts: files dns\n")
    space.prepare("ip", "link", "add", "d0", "type", "veth", "peer", "name", "d1")
    space.prepare("ip", "address", "add", "192.0.2.1/24", "dev", "d0")
    for link in ("d0", "d1"):
        space.prepare("ip", "link", "set", link, "up")
    for flags in (["-u"], [], ["-p", "4000"]):
        def seconds_to_fail():
            result = run(*space.inside(*sock(*flags, "-w", "1", "name.test", "9")))
            expect(result.code in (6, 28), f"{flags}: exit {result.code}, errors {result.err!r}")
            return result.seconds

        expect_within(1.5, seconds_to_fail)
    # A family that does not answer does not delay the other one.
    space = namespace("families", hosts="2001:db8::2 both\n127.0.0.1 both\n")
    space.prepare("ip", "link", "add", "d0", "type", "veth", "peer", "name", "d1")
    space.prepare("ip", "address", "add", "2001:db8::1/64", "dev", "d0", "nodad")
    for link in ("d0", "d1"):
        space.prepare("ip", "link", "set", link, "up")
    server = start(*space.inside(*sock("serve", "daytime", "127.0.0.1", "7013")), stdin=None)
    wait_bound(7013, pid=server.pid)
    expect_within(2, lambda: run(*space.inside(*sock("-p", "4000", "both", "7013"))).expect(0).seconds)
    server.kill()


@check("sock -l :: serves both families, and -6 serves and announces IPv6 only", "nc.openbsd")
def _():
    for words in (["::"], [], ["[::]"]):
        port = free_port()
        server = start(*sock("-l", *words, port)).end_input()
        wait_bound(port)
        run("nc.openbsd", "-N", "-4", "127.0.0.1", port, stdin=b"hello").expect(0)
        server.result().expect(0, out=b"hello")
    for flags in (["-6"], ["--ipv6-only"]):
        port = free_port()
        server = start(*sock("-lv", *flags, "::", port)).end_input()
        server.wait_for(rb"IPv6 only", stream="err")
        expect(run(*sock("-z", "127.0.0.1", port)).code == 7, "IPv4 is accepted")
        run("nc.openbsd", "-N", "-6", "::1", port, stdin=b"hello").expect(0)
        server.result().expect(0, out=b"hello")
    run(*sock("-z", "localhost.", free_port())).expect(7)


@check("sock accepts times with units, and gives advice for wrong times, words and misspellings")
def _():
    for time_ in ("1h", "1d", ".5", "500ms", "2m"):
        for flag in ("-w", "-q", "--half-close-after"):
            run(*sock(flag, time_, "-z", "127.0.0.1", free_port())).expect(7, out=b"", err=b"")
    named(run(*sock("-w", "1w", "h", "1")).expect(2), "1h", "1d")
    named(run(*sock("-u", "-w0", "h", "1")).expect(2), "--send-only")
    expect(b"sock -l" in run(*sock("-l", "--help")).expect(0).out.splitlines()[0], "not listen's")
    run(*sock("help", "nosuch")).expect(2, out=b"")
    named(run(*sock("-k", "8080")).expect(2), "sock -lk 8080")
    named(run(*sock("lisen")).expect(2), "did you mean sock listen?")
    named(run(*sock("h", "80-90")).expect(2), "{80..90}")
    named(run(*sock("TCP:h:80")).expect(2), "sock h:80")
    named(run(*sock("-l", "a", "b", "80")).expect(2), "one sock -l for each")


def rejecting_peer():
    """A namespace with a link to a peer whose firewall rejects port 7003, as firewalld does."""
    near, far = namespace("rejected", hosts=HOSTS), namespace("rejecting")
    if "left" in run(*near.inside("ip", "-br", "link")).out.decode():
        return near
    near.prepare("ip", "link", "add", "left", "type", "veth", "peer", "name", "right", "netns", far.name)
    for space, name, number in ((near, "left", 1), (far, "right", 9)):
        space.prepare("ip", "address", "add", f"10.7.0.{number}/24", "brd", "+", "dev", name)
        space.prepare("ip", "address", "add", f"fd07::{number}/64", "dev", name, "nodad")
        space.prepare("ip", "link", "set", name, "up")
    # By default, the kernel rejects one such packet per second and drops the others.
    for setting in ("net.ipv4.icmp_ratelimit=0", "net.ipv6.icmp.ratelimit=0"):
        far.prepare("sysctl", "-qw", setting)
    far.prepare("nft", "add", "table", "inet", "t")
    far.prepare("nft", "add", "chain", "inet", "t", "c", "{ type filter hook input priority 0 ; }")
    far.prepare("nft", "add", "rule", "inet", "t", "c", "meta", "l4proto", "{", "tcp,", "udp", "}",
                "th", "dport", "7003", "reject", "with", "icmpx", "type", "admin-prohibited")
    near.prepare("ip", "route", "add", "blackhole", "10.8.0.0/24")
    near.prepare("ip", "route", "add", "unreachable", "10.9.0.0/24")
    return near


@check("the error names a firewall of the peer, over TCP and UDP, IPv4 and IPv6", "ip", "nft", root=True)
def _():
    near = rejecting_peer()
    # The kernel ignores a rejection that arrives while a system call holds the socket. Between namespaces, that is
    # always true of the first SYN and sometimes of the second, after 1 s. The third follows after 3 s.
    for host in ("fd07::9", "10.7.0.9"):
        for words in (("-w5",), ("-w5", "-zv"), ("-w5", "-u"), ("-w5", "-u", "-zv"), ("info", "-w5")):
            result = run(*near.inside(*sock(*words, host, 7003)), stdin=b"x").expect(7)
            named(result, "firewall on the way")
            expect(b"broke" not in result.err, f"errors {result.err!r}")


@check("the error says that a missing host on a direct link does not answer", "ip", "nft", root=True)
def _():
    near = rejecting_peer()
    for host in ("10.7.0.77", "fd07::77"):
        result = run(*near.inside(*sock(host, 80)), stdin=b"x").expect(7, out=b"")
        named(result, "That host does not answer")


@check("a missing route and a route that refuses packets have different advice", "ip", "nft", root=True)
def _():
    near = rejecting_peer()
    for words in ((), ("-u",), ("info",)):
        for host, text in (("192.0.2.1", "This machine has no route"), ("2001:db8::1", "This machine has no route"),
                           ("10.8.0.1", "A route of this machine"), ("10.9.0.1", "A route of this machine")):
            named(run(*near.inside(*sock(*words, host, 80)), stdin=b"x").expect(7), text)


@check("sock explains that TCP has no multicast groups and no broadcasts", "ip", "nft", root=True)
def _():
    near = rejecting_peer()
    near.prepare("ip", "route", "replace", "default", "via", "10.7.0.9")
    try:
        for words in ((), ("info",), ("-zv",)):
            for host, text in (("224.0.0.1", "TCP has no multicast groups"), ("ff02::1%left", "TCP has no multicast"),
                               ("255.255.255.255", "TCP has no broadcasts"), ("10.7.0.255", "TCP has no broadcasts")):
                named(run(*near.inside(*sock(*words, host, 81)), stdin=b"x").expect(7), text)
    finally:
        near.prepare("ip", "route", "del", "default")


@check("the error names a loopback address of -s if the peer is on another machine", "ip", "nft", root=True)
def _():
    near = rejecting_peer()
    for words in ((), ("-u",)):
        result = run(*near.inside(*sock(*words, "-s", "127.0.0.1", "10.7.0.9", 9001)), stdin=b"x")
        named(result.expect(45, out=b""), "-s 127.0.0.1")


@check("the error names exhausted local ports even if all UDP ports are in use too", "ip", root=True)
def _():
    space = namespace("exhausted", hosts=HOSTS)
    space.prepare("sysctl", "-qw", "net.ipv4.ip_local_port_range=50000 50001")
    script = """
import socket, sys
server = socket.create_server(("127.0.0.1", 9000))
held = [socket.create_connection(("127.0.0.1", 9000)) for _ in range(2)]
for port in (50000, 50001):
    held.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    held[-1].bind(("0.0.0.0", port))
print("ready", flush=True)
sys.stdin.read()
"""
    holder = start(*space.inside("python3", "-c", script))
    holder.wait_for(b"ready")
    for words in ((), ("info",)):
        named(run(*space.inside(*sock(*words, "127.0.0.1", 9000))).expect(7), "local port")


@check("sock refuses the name of a multicast group over TCP, and joins the group over UDP", "ip", root=True)
def _():
    space = namespace("named-group", hosts=HOSTS + "239.77.1.3 group\n")
    space.prepare("ip", "route", "replace", "239.0.0.0/8", "dev", "lo")
    for words in (("-lv", "group", 8181), ("serve", "echo", "group", 8181)):
        named(run(*space.inside(*sock(*words))).expect(2, out=b""), "group is a multicast group")
    listener = start(*space.inside(*sock("-luv", "group", 8181)))
    listener.wait_for(rb"\(joined the multicast group\)", stream="err")


@check("a listener on a name reports each address that it skips", "ip", root=True)
def _():
    space = namespace("skipping", hosts=HOSTS + "127.0.0.1 some\n192.0.2.7 some\n192.0.2.8 some\n")
    for words in (("-lv", "some", 8181), ("-lkv", "some", 8182), ("-luv", "some", 8183),
                  ("serve", "-v", "echo", "some", 8184)):
        listener = start(*space.inside(*sock(*words)))
        for address in (rb"192\.0\.2\.7", rb"192\.0\.2\.8"):
            listener.wait_for(rb"skipped " + address + rb", because this machine", stream="err")


@check("-w limits all lookups together if the name server does not answer", "ip", root=True)
def _():
    space = namespace("silent-names", hosts=HOSTS, nsswitch_conf="hosts: files dns\nservices: files\n",
                      resolv_conf="nameserver 127.0.0.1\noptions timeout:5 attempts:2\n")
    holder = start(*space.inside("python3", "-c", "import socket, sys\n"
                                 "held = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
                                 "held.bind(('127.0.0.1', 53))\nprint('ready', flush=True)\nsys.stdin.read()"))
    holder.wait_for(b"ready")
    result = run(*space.inside(*sock("resolve", "-w", "1", "192.0.2.1"))).expect(0, out=b"192.0.2.1\n")
    expect(result.seconds < 3, f"took {result.seconds:.1f} s, expected 1")
    for words in (("-w1", "slow.test", 80), ("-w1", "-u", "slow.test", 80), ("-w1", "-zv", "slow.test", 80),
                  ("info", "-w1", "slow.test", 80), ("resolve", "-w1", "slow.test")):
        result = run(*space.inside(*sock(*words)), stdin=b"x").expect(28)
        named(result, "name server does not answer")


@check("sock -u sends to a multicast group through the interface after %", "ip", "nft", root=True)
def _():
    near = rejecting_peer()
    listener = start(*near.inside(*sock("-lu", "239.77.1.4%left", 8185)))
    wait_bound(8185, udp=True, pid=listener.pid)
    run(*near.inside(*sock("-u", "--send-only", "239.77.1.4%left", 8185)), stdin=b"hello").expect(0, err=b"")
    listener.wait_for(rb"hello")
