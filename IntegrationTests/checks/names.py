"""Names that a real name server knows: dnsmasq, in a network namespace of its own."""
import shutil
import signal

from support import Failed, check, expect, expect_within, namespace, run, sock, sock_path, start

RECORDS = [
    "--host-record=dual.test,192.0.2.7,2001:db8::7",
    "--host-record=four.test,192.0.2.4",
    "--host-record=six.test,2001:db8::6",
    "--host-record=here.test,127.0.0.1",
    "--cname=alias.test,dual.test",
    *(f"--host-record=many.test,198.51.100.{number}" for number in range(1, 201)),
]


def name_server(*options):
    """Returns a namespace whose name server is dnsmasq, and dnsmasq, which logs every query."""
    space = namespace(
        "dns", hosts="127.0.0.1 localhost\n", services="echo 7/tcp\n",
        nsswitch_conf="hosts: files dns\nservices: files\n",
        resolv_conf="nameserver 127.0.0.1\noptions timeout:1 attempts:1\n",
    )
    program = shutil.which("dnsmasq", path="/usr/sbin:/sbin")
    server = start(
        *space.inside(
            program, "--no-daemon", "--conf-file=/dev/null", "--no-resolv", "--no-hosts",
            "--listen-address=127.0.0.1", "--bind-interfaces", "--user=root", "--pid-file=",
            "--local=/test/", "--log-queries", *(options or RECORDS),
        )
    )
    # dnsmasq binds its port before it says that it has started.
    server.wait_for(b"started, version", stream="err")
    return space, server


def lookups(space, method, stuck, seconds, *names):
    """Returns what FaultProbe reports about lookups after `stuck` abandoned ones."""
    program = sock_path().parent / "FaultProbe"
    expect(program.is_file(), f"no program {program}: it is built with sock")
    result = run(*space.inside(program, "lookups", method, stuck, seconds, *names), limit=60)
    return result.expect(0).out.decode()


def resolve(space, *words):
    return run(*space.inside(*sock("resolve", *words)))


def addresses(result):
    return [line.split()[0] for line in result.out.decode().splitlines()]


@check("names: A and AAAA records are both found, each once", "ip", "dnsmasq", root=True)
def _():
    space, _ = name_server()
    found = addresses(resolve(space, "dual.test").expect(0, err=b""))
    expect(sorted(found) == ["192.0.2.7", "2001:db8::7"], f"found {found}")


@check("names: -4 and -6 choose the family", "ip", "dnsmasq", root=True)
def _():
    space, _ = name_server()
    found = addresses(resolve(space, "-4", "dual.test").expect(0))
    expect(found == ["192.0.2.7"], f"-4 found {found}")
    found = addresses(resolve(space, "-6", "dual.test").expect(0))
    expect(found == ["2001:db8::7"], f"-6 found {found}")


@check("names: resolve prints that a name is an alias, and of which name", "ip", "dnsmasq", root=True)
def _():
    space, _ = name_server()
    result = resolve(space, "alias.test").expect(0)
    expect(b"alias.test is an alias of dual.test\n" in result.out, f"output {result.out!r}")


@check("names: an address resolves to its name", "ip", "dnsmasq", root=True)
def _():
    space, _ = name_server()
    resolve(space, "192.0.2.4").expect(0, out=b"192.0.2.4  four.test\n", err=b"")
    resolve(space, "2001:db8::6").expect(0, out=b"2001:db8::6  six.test\n", err=b"")


@check("names: two hundred addresses, too many for a datagram, are all found", "ip", "dnsmasq",
       root=True)
def _():
    space, _ = name_server()
    found = addresses(resolve(space, "many.test").expect(0))
    expect(len(found) == 200 and len(set(found)) == 200, f"{len(found)}: {found}")


@check("names: an unknown name is reported at once", "ip", "dnsmasq", root=True)
def _():
    space, _ = name_server()
    result = resolve(space, "nosuch.test").expect(6, out=b"")
    expect(
        result.err.startswith(b"sock: cannot resolve nosuch.test: name or service not known\n"),
        f"errors {result.err!r}")
    expect(result.seconds < 5, f"it took {result.seconds:.1f} s")


@check("names: the error says that a name has no address of the requested family", "ip", "dnsmasq", root=True)
def _():
    space, _ = name_server()
    result = resolve(space, "-4", "six.test").expect(6, out=b"")
    expect(
        result.err.startswith(
            b"sock: cannot resolve six.test: no address associated with hostname\n"),
        f"errors {result.err!r}")


@check("names: a missing name server is reported as a temporary failure", "ip", "dnsmasq", root=True)
def _():
    space, server = name_server()
    server.kill()
    result = resolve(space, "four.test").expect(6, out=b"")
    expect(
        result.err.startswith(
            b"sock: cannot resolve four.test: temporary failure in name resolution\n"),
        f"errors {result.err!r}")


@check("names: the limit of a connect includes the lookup at a silent name server", "ip", "dnsmasq",
       root=True)
def _():
    space, server = name_server()
    server.signal(signal.SIGSTOP)

    def seconds_to_fail():
        result = run(*space.inside(*sock("-w", "0.5", "four.test", "80"))).expect(28, out=b"")
        expect(
            result.err.startswith(b"sock: cannot resolve four.test: timed out after 0.5 s\n"),
            f"errors {result.err!r}")
        return result.seconds

    expect_within(1, seconds_to_fail)


@check("names: numeric addresses and malformed names cause no query", "ip", "dnsmasq", root=True)
def _():
    space, server = name_server()
    resolve(space, "-n", "192.0.2.9").expect(0, out=b"192.0.2.9\n")
    resolve(space, "-n", "::ffff:192.0.2.9").expect(0)
    for nonsense in ("127.1", "0x7f.1", "1.2.65535", "a..b", "größe .test", "user@four.test"):
        result = resolve(space, nonsense)
        expect(result.code in (2, 6) and not result.out, f"{nonsense}: {result}")
        expect(b"cannot parse host" in result.err, f"{nonsense}: errors {result.err!r}")
    # The query for this name must be the first that the server logs.
    resolve(space, "-4", "-n", "here.test")
    resolve(space, "-4", "here.test").expect(0)
    server.wait_for(b"query.*here.test", stream="err")
    queries = [line for line in server.err.decode().splitlines() if "query[" in line]
    others = [line for line in queries if "here.test" not in line and "127.in-addr" not in line
              and "1.0.0.127" not in line]
    if others:
        raise Failed(f"the name server received {others}")


@check("names: connecting tries the next address if the first has no route", "ip",
       "dnsmasq", root=True)
def _():
    # Without a route to documentation addresses the loopback is the only one that answers.
    space, _ = name_server("--host-record=mixed.test,2001:db8::7",
                           "--host-record=mixed.test,192.0.2.7",
                           "--host-record=mixed.test,127.0.0.1")
    listener = start(*space.inside(*sock("serve", "echo", "0")))
    port = listener.wait_for(rb":(\d+)", stream="err").group(1).decode()
    result = run(*space.inside(*sock("mixed.test", port)), stdin=b"hello").expect(0)
    expect(result.out == b"hello", f"output {result.out!r}")


@check("names: localhost in any spelling resolves without a name server or a hosts file", "ip", "dnsmasq", root=True)
def _():
    space, server = name_server()
    server.signal(signal.SIGSTOP)
    for name in ("localhost", "LOCALHOST.", "a.localhost"):
        found = addresses(resolve(space, name).expect(0))
        expect(found == ["::1", "127.0.0.1"], f"{name}: found {found}")


@check("names: international names are looked up, and both forms are shown", "ip", "dnsmasq", root=True)
def _():
    space, _ = name_server("--host-record=xn--mnchen-3ya.test,192.0.2.8",
                           "--host-record=xn--fsqu00a.xn--0zwm56d,192.0.2.9",
                           "--local=/xn--0zwm56d/")
    for name, ascii, address in (("münchen.test", "xn--mnchen-3ya.test", "192.0.2.8"),
                                 ("例子.测试", "xn--fsqu00a.xn--0zwm56d", "192.0.2.9")):
        result = resolve(space, "-4", name).expect(0)
        lines = result.out.decode().splitlines()
        expect(lines[0] == f"{name} is {ascii} in the DNS", f"output {lines}")
        expect(lines[-1].split()[0] == address, f"output {lines}")
    result = resolve(space, "größe.test").expect(6, out=b"")
    expect("größe.test (xn--gre-6ka8i.test)" in result.err.decode(), f"errors {result.err!r}")


@check("names: abandoned lookups do not block later lookups", "ip", "dnsmasq", root=True)
def _():
    space, server = name_server()
    server.signal(signal.SIGSTOP)
    for method in ("blocking", "tasks"):
        out = lookups(space, method, 200, 5, "localhost", "127.0.0.1", "ip6-localhost", "silent.test")
        for name in ("localhost", "127.0.0.1"):
            expect(f"{name}: 1 of 1 resolved" in out, f"{method}: {out}")
        expect("resource temporarily" not in out, f"{method}: {out}")


# Answers every question with 192.0.2.50 or no address, 50 ms later.
SLOW_SERVER = """
import socket, threading, time
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 53))
print("ready", flush=True)
def answer(query, client):
    time.sleep(0.05)
    end = query.index(b"\\0", 12) + 5
    is_a = query[end - 4:end - 2] == b"\\0\\1"
    reply = query[:2] + b"\\x81\\x80\\0\\1" + (b"\\0\\1" if is_a else b"\\0\\0") + bytes(4) + query[12:end]
    if is_a:
        reply += b"\\xc0\\x0c\\0\\1\\0\\1" + bytes(3) + b"\\x3c\\0\\4" + bytes((192, 0, 2, 50))
    server.sendto(reply, client)
while True:
    threading.Thread(target=answer, args=server.recvfrom(2048), daemon=True).start()
"""


@check("names: two hundred lookups at once succeed with a slow name server", "ip", root=True)
def _():
    space = namespace(
        "slow-dns", hosts="127.0.0.1 localhost\n", services="echo 7/tcp\n",
        nsswitch_conf="hosts: files dns\nservices: files\n",
        resolv_conf="nameserver 127.0.0.1\noptions timeout:5 attempts:2\n")
    server = start(*space.inside("python3", "-c", SLOW_SERVER))
    server.wait_for(b"ready")
    for method in ("blocking", "tasks"):
        out = lookups(space, method, 0, 10, "200*slow.test")
        expect("200*slow.test: 200 of 200 resolved" in out and "192.0.2.50:0" in out, f"{method}: {out}")
