"""Exit codes and error messages: each failure has one message and its own status."""
import signal
import socket
import struct
import threading

from support import (
    check, expect, expect_within, free_port, namespace, run, scratch, sock, start, wait_bound, xinetd)


def one_line(result, *words, has_verdict=False):
    """Expects one line of error, perhaps one with a hint, and words in the first.

    A timeout on a stalled connection has two more lines, which say why it is stalled."""
    lines = result.err.decode().splitlines()
    expected = (2, 3, 4) if has_verdict else (1, 2)
    expect(
        len(lines) in expected and lines[0].startswith("sock: ") and result.err.endswith(b"\n"),
        f"expected {expected} lines, the first of which begins with `sock: `: {result.err!r}",
    )
    for line in lines[1:]:
        expect(line.startswith("      "), f"the hint is not indented: {result.err!r}")
    for word in words:
        expect(word in lines[0], f"expected {word!r} in {lines[0]!r}")


def bad_port(port):
    @check(f"the port '{port}' is a usage error")
    def _():
        for command in (["127.0.0.1", port], ["-l", port], ["serve", "echo", port]):
            result = run(*sock(*command)).expect(2, out=b"")
            expect(result.err.count(b"\n") == 1, f"expected one line: {result.err!r}")
            one_line(result, port)


for _port in ("65536", "-1", "+80", "80x", "0x50", "٨٠", ""):
    bad_port(_port)


@check("an unknown flag is a usage error")
def _():
    one_line(run(*sock("--no-such-flag", "127.0.0.1", "80")).expect(2, out=b""), "--no-such-flag")


@check("a command line without arguments is a usage error")
def _():
    expect(run(*sock()).expect(2, out=b"").err != b"", "expected an error message")


@check("sock exits with 7 if the connection is refused")
def _():
    port = free_port()
    one_line(run(*sock("127.0.0.1", port)).expect(7, out=b""), f"127.0.0.1:{port}", "refused")


@check("sock exits with 7 if the Unix socket is missing")
def _():
    one_line(run(*sock("-U", scratch("not-there"))).expect(7, out=b""), "not-there")


@check("sock exits with 6 if the host is unknown", "ip", root=True)
def _():
    space = namespace("names", hosts="127.0.0.1 localhost\n", services="http 80/tcp\n")
    result = run(*space.inside(*sock("no-such-host", "80"))).expect(6, out=b"")
    one_line(result, "no-such-host")


@check("sock exits with 2 or 6 if the service is unknown, and names the service", "ip", root=True)
def _():
    space = namespace("names", hosts="127.0.0.1 localhost\n", services="http 80/tcp\n")
    result = run(*space.inside(*sock("localhost", "nosuchservice")))
    expect(result.code in (2, 6), f"exit {result.code}, errors {result.err!r}")
    one_line(result, "nosuchservice")


@check("sock exits with 7 if no route leads to the address", "ip", root=True)
def _():
    space = namespace("names", hosts="127.0.0.1 localhost\n", services="http 80/tcp\n")
    one_line(run(*space.inside(*sock("192.0.2.1", "80"))).expect(7, out=b""), "192.0.2.1:80")


def dropping_namespace():
    """Returns a namespace that drops packets to port 5433."""
    space = namespace("drop", hosts="127.0.0.1 localhost four\n::1 both\n127.0.0.1 both\n")
    if not hasattr(dropping_namespace, "ready"):
        space.prepare("nft", "add", "table", "inet", "silence")
        space.prepare("nft", "add", "chain", "inet", "silence", "output",
                      "{ type filter hook output priority 0; }")
        space.prepare("nft", "add", "rule", "inet", "silence", "output", "tcp", "dport", "5433", "drop")
        dropping_namespace.ready = True
    return space


@check("sock exits with 28 at the limit if a connect gets no answer", "ip", "nft", root=True)
def _():
    space = dropping_namespace()
    result = run(*space.inside(*sock("-w", "1", "four", "5433"))).expect(28, out=b"")
    one_line(result, "cannot connect to four:5433: no answer in 1 s (tried 127.0.0.1)")
    expect(0.9 < result.seconds < 3, f"took {result.seconds:.1f} s, expected 1")


@check("the limit of a connect covers all addresses together", "ip", "nft", root=True)
def _():
    space = dropping_namespace()
    result = run(*space.inside(*sock("-w", "1", "both", "5433"))).expect(28, out=b"")
    one_line(result, "no answer in 1 s", "::1", "127.0.0.1")
    expect(0.9 < result.seconds < 3, f"took {result.seconds:.1f} s, expected 1")


@check("if IPv6 packets are dropped, IPv4 connects in less than 0.5 s", "ip", "nft", root=True)
def _():
    space = namespace("blackhole", hosts="::1 both\n127.0.0.1 both\n")
    if not hasattr(space, "drops"):
        space.prepare("nft", "add", "table", "ip6", "silence")
        space.prepare("nft", "add", "chain", "ip6", "silence", "input",
                      "{ type filter hook input priority 0; }")
        space.prepare("nft", "add", "rule", "ip6", "silence", "input", "meta", "l4proto", "tcp", "drop")
        space.drops = True
    server = start(*space.inside(*sock("serve", "echo", "0")))
    port = server.wait_for(rb"127\.0\.0\.1\D+(\d+)", stream="err").group(1).decode()
    # Both addresses have a listener, so only the firewall keeps IPv6 from connecting.
    server.wait_for(rb"\[::1\]", stream="err")
    run(*space.inside(*sock("-z", "-w", "0.4", "::1", port))).expect(28)

    def seconds_to_connect():
        return run(*space.inside(*sock("-zv", "both", port))).expect(
            0, err_matches=rb"sock: connected to 127\.0\.0\.1:\d+ from .*").seconds

    expect_within(0.5, seconds_to_connect)
    run(*space.inside(*sock("both", port)), stdin=b"hello").expect(0, out=b"hello")


@check("sock -z exits with 28 if a firewall drops the packets", "ip", "nft", root=True)
def _():
    space = dropping_namespace()
    run(*space.inside(*sock("-z", "-w1", "localhost", "5433"))).expect(28, out=b"")


@check("sock exits with 28 if the connection is silent for longer than -w", "socat")
def _():
    port = free_port()
    start("socat", f"TCP-LISTEN:{port},bind=127.0.0.1", "SYSTEM:sleep 15")
    wait_bound(port)
    client = start(*sock("-w", "1", "127.0.0.1", port))
    result = client.result().expect(28, out=b"")
    one_line(result, has_verdict=True)
    expect(0.8 < result.seconds < 5, f"took {result.seconds:.1f} s, expected about 1")


@check("sock -u exits with 28 if the peer does not answer")
def _():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        port = silent.getsockname()[1]
        result = run(*sock("-u", "127.0.0.1", port), stdin=b"hello").expect(28, out=b"")
        one_line(result, f"127.0.0.1:{port}")
        expect(silent.recv(100) == b"hello", "the datagram did not arrive")


@check("sock -u exits with 7 or 28 if the port is closed")
def _():
    result = run(*sock("-u", "127.0.0.1", free_port()), stdin=b"hello")
    expect(result.code in (7, 28), f"exit {result.code}, errors {result.err!r}")
    one_line(result)


@check("sock exits with 23 if the output is /dev/full", "xinetd")
def _():
    with open("/dev/full", "wb") as full:
        client = start(*sock("127.0.0.1", xinetd("daytime")), stdout=full)
        client.end_input()
        one_line(client.result().expect(23))


@check("sock dies of SIGPIPE, like cat, if the output pipe is closed", "xinetd")
def _():
    command = f'"$0" 127.0.0.1 {xinetd("chargen")} </dev/null | true; echo ${{PIPESTATUS[0]}}'
    run("bash", "-c", command, *sock()).expect(0, out=b"141\n", err=b"")


def resetting_server(first):
    """Starts a server that sends `first`, waits for a byte and resets the connection; returns its port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        with listener:
            connection, _ = listener.accept()
        connection.sendall(first)
        connection.recv(1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()

    threading.Thread(target=serve, daemon=True).start()
    return listener.getsockname()[1]


@check("sock exits with 56 after a reset, and prints the bytes that arrived before the reset")
def _():
    client = start(*sock("127.0.0.1", resetting_server(b"before\n")))
    client.wait_for(rb"before\n")
    client.send(b"x")
    one_line(client.result().expect(56, out=b"before\n"), "reset")


@check("sock -l exits with 56 after a client's reset", "socat")
def _():
    port = free_port()
    server = start(*sock("-l", "127.0.0.1", port))
    wait_bound(port)
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(b"before\n")
        server.wait_for(rb"before\n")
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    one_line(server.result().expect(56, out=b"before\n"))


@check("sock exits with 45 if the port is in use")
def _():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for command in (["-l", "127.0.0.1", port], ["serve", "echo", "127.0.0.1", port]):
            one_line(run(*sock(*command)).expect(45, out=b""), f"127.0.0.1:{port}")


@check("sock -l exits with 45 if the address belongs to another machine", "ip", root=True)
def _():
    space = namespace("names", hosts="127.0.0.1 localhost\n", services="http 80/tcp\n")
    one_line(run(*space.inside(*sock("-l", "192.0.2.1", "0"))).expect(45, out=b""), "192.0.2.1")


@check("a client dies of SIGINT", "xinetd")
def _():
    client = start(*sock("127.0.0.1", xinetd("echo")))
    client.send(b"hello\n").wait_for(rb"hello\n")
    client.signal(signal.SIGINT).result().expect(-signal.SIGINT, out=b"hello\n")


@check("a letter with different meanings in different netcats is an error of two lines")
def _():
    for letter in "xiodcmT":
        result = run(*sock(f"-{letter}", "127.0.0.1", "80")).expect(2, out=b"")
        one_line(result, f"-{letter}")
        expect(result.err.count(b"\n") == 2, f"-{letter}: expected two lines: {result.err!r}")


@check("control characters in a host name are escaped in the error")
def _():
    result = run(*sock("bad\x1b[31mhost", "80"))
    expect(result.code in (2, 6), f"exit {result.code}")
    expect(b"\x1b" not in result.err, f"an escape character got through: {result.err!r}")
