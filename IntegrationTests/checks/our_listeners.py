"""Clients of other programs against `sock -l` and `sock serve`."""
import re
import signal
import struct
import time

from support import (
    Failed, check, expect, free_port, run, scratch, sock, start, wait_bound, wait_for_unix,
)

OURS = b"from our side\n" * 5000
THEIRS = b"from their side\n" * 5000
DAYTIME = rb"[^\r\n]*\d\d:\d\d:\d\d[^\r\n]*\r\n"


def answer(theirs, port=None, path=None, flags=()):
    """`sock -l` and the client each send their bytes and end; each gets all of the other's.

    Other clients than socat exit when our data ends and drop what they have not sent, so we end last.
    """
    where = ["-U", path] if path is not None else ["127.0.0.1", port]
    server = start(*sock(*flags, "-l", *where))
    if path is not None:
        wait_for_unix(path)
    else:
        wait_bound(port)
    client = start(*theirs)
    client.send(THEIRS).end_input()
    if theirs[0] != "socat":
        server.wait_for(re.escape(THEIRS))
    server.send(OURS).end_input()
    client.result().expect(0, out=OURS)
    server.result().expect(0, out=THEIRS, err=b"")


@check("nc.openbsd connects to sock -l", "nc.openbsd")
def _():
    port = free_port()
    answer(["nc.openbsd", "-N", "127.0.0.1", port], port)


@check("nc.traditional connects to sock -l", "nc.traditional")
def _():
    port = free_port()
    answer(["nc.traditional", "-q", "2", "127.0.0.1", port], port)


@check("ncat connects to sock -l", "ncat")
def _():
    port = free_port()
    answer(["ncat", "127.0.0.1", port], port)


@check("socat connects to sock -l", "socat")
def _():
    port = free_port()
    answer(["socat", "-t", "10", "-", f"TCP:127.0.0.1:{port}"], port)


@check("nc.openbsd connects to sock -lU", "nc.openbsd")
def _():
    path = scratch("ours-nc.sock")
    answer(["nc.openbsd", "-N", "-U", path], path=path)


@check("socat connects to sock -lU", "socat")
def _():
    path = scratch("ours-socat.sock")
    answer(["socat", "-t", "10", "-", f"UNIX-CONNECT:{path}"], path=path)


@check("telnet connects to sock -l", "telnet")
def _():
    port = free_port()
    server = start(*sock("-l", "127.0.0.1", port))
    wait_bound(port)
    client = start("telnet", "127.0.0.1", port)
    client.wait_for(rb"Escape character")
    client.send(b"hello from telnet\n")
    server.wait_for(rb"hello from telnet\r\n")
    server.send(b"hello from sock\n")
    client.wait_for(rb"hello from sock")
    server.end_input()
    client.wait_for(rb"Connection closed by foreign host", stream="err")
    server.result().expect(0, out=b"hello from telnet\r\n", err=b"")


@check("curl connects to sock -l with telnet://", "curl")
def _():
    port = free_port()
    server = start(*sock("-l", "127.0.0.1", port))
    wait_bound(port)
    client = start("curl", "--silent", "--max-time", "15", f"telnet://127.0.0.1:{port}")
    # curl waits for its input before it looks at the connection again, so the input ends first;
    # it keeps the connection all the same.
    client.send(b"hello from curl\n").end_input()
    server.wait_for(rb"hello from curl\r?\n")
    server.send(b"hello from sock\n").end_input()
    client.result().expect(0, out=b"hello from sock\n")
    server.result().expect(0, err=b"")


@check("sock -l on every interface accepts IPv4 and IPv6 clients", "nc.openbsd")
def _():
    for client in (["-4", "127.0.0.1"], ["-6", "::1"]):
        port = free_port()
        server = start(*sock("-l", port))
        wait_bound(port)
        server.end_input()
        run("nc.openbsd", "-N", *client, port, stdin=b"hello").expect(0)
        server.result().expect(0, out=b"hello")


@check("nc.openbsd reaches -l localhost and -lk localhost over IPv4 and IPv6", "nc.openbsd")
def _():
    for flag in ("-l", "-lk"):
        for client in (["-4", "127.0.0.1"], ["-6", "::1"], ["localhost"]):
            port = free_port()
            server = start(*sock(flag, "localhost", port))
            wait_bound(port)
            start("nc.openbsd", "-N", *client, port).send(b"hello")
            server.wait_for(rb"hello")
            server.kill()


@check("-lk serves several clients and sends its input to each", "nc.openbsd")
def _():
    port = free_port()
    server = start(*sock("-lk", "127.0.0.1", port))
    wait_bound(port)
    clients = [start("nc.openbsd", "-N", "127.0.0.1", port) for _ in range(3)]
    for number, client in enumerate(clients):
        client.send(f"client {number}\n".encode())
        server.wait_for(f"client {number}\n".encode())
    server.send(b"to all\n")
    for client in clients:
        client.wait_for(rb"to all\n")
    for client in clients:
        client.end_input()
    server.end_input()
    for client in clients:
        client.result().expect(0, out=b"to all\n")
    run("nc.openbsd", "-N", "127.0.0.1", port, stdin=b"after the end\n").expect(0, out=b"")
    server.wait_for(rb"after the end\n")
    server.signal(signal.SIGINT).result().expect(-signal.SIGINT)


@check("-lk continues after a client's reset", "socat")
def _():
    port = free_port()
    server = start(*sock("-lk", "127.0.0.1", port))
    wait_bound(port)
    run("socat", "-u", "-", f"TCP:127.0.0.1:{port},linger=0", stdin=b"reset\n")
    run("socat", "-u", "-", f"TCP:127.0.0.1:{port}", stdin=b"still there\n").expect(0)
    server.wait_for(rb"still there\n")
    server.signal(signal.SIGTERM).result().expect(0)


@check("sock -l with port 0 announces the port", "nc.openbsd")
def _():
    server = start(*sock("-l", "127.0.0.1", "0"))
    port = server.wait_for(rb"127\.0\.0\.1\D+(\d+)", stream="err").group(1).decode()
    expect(port != "0", "it says port 0")
    server.end_input()
    run("nc.openbsd", "-N", "127.0.0.1", port, stdin=b"hello").expect(0)
    server.result().expect(0, out=b"hello")


@check("nc.openbsd exchanges datagrams with -lu", "nc.openbsd")
def _():
    port = free_port()
    server = start(*sock("-lu", "127.0.0.1", port))
    wait_bound(port, udp=True)
    client = start("nc.openbsd", "-u", "127.0.0.1", port)
    client.send(b"question\n")
    server.wait_for(rb"question\n")
    server.send(b"answer\n")
    client.wait_for(rb"answer\n")


@check("sock -lu answers nc.openbsd and socat from 127.0.0.2, the address that they sent to", "nc.openbsd", "socat")
def _():
    for words in ([], ["::"], ["0.0.0.0"]):
        port = free_port()
        server = start(*sock("-lu", *words, port))
        wait_bound(port, udp=True)
        clients = (["nc.openbsd", "-u", "127.0.0.2", port], ["socat", "-", f"UDP:127.0.0.2:{port}"])
        for number, command in enumerate(clients):
            client = start(*command).send(b"question\n")
            if number == 0:
                server.wait_for(rb"question\n")
                server.send(b"answer\n")
            client.wait_for(rb"answer\n")


# sock serve


def serve(service):
    """A running `sock serve SERVICE` on a free port of 127.0.0.1, and that port."""
    server = start(*sock("serve", service, "127.0.0.1", "0"), stdin=None)
    port = server.wait_for(rb"127\.0\.0\.1\D+(\d+)", stream="err").group(1).decode()
    wait_bound(int(port))
    wait_bound(int(port), udp=True)
    return server, port


TCP_CLIENTS = {
    "nc.openbsd": lambda port: ["nc.openbsd", "-N", "127.0.0.1", port],
    "nc.traditional": lambda port: ["nc.traditional", "-q", "2", "127.0.0.1", port],
    "ncat": lambda port: ["ncat", "127.0.0.1", port],
    "socat": lambda port: ["socat", "-t", "10", "-", f"TCP:127.0.0.1:{port}"],
}

UDP_CLIENTS = {
    "nc.openbsd": lambda port: ["nc.openbsd", "-u", "127.0.0.1", port],
    "nc.traditional": lambda port: ["nc.traditional", "-u", "127.0.0.1", port],
    "ncat": lambda port: ["ncat", "-u", "127.0.0.1", port],
    "socat": lambda port: ["socat", "-", f"UDP:127.0.0.1:{port}"],
}


def register(program):
    @check(f"serve echo answers {program} over TCP", program)
    def _():
        _, port = serve("echo")
        run(*TCP_CLIENTS[program](port), stdin=THEIRS).expect(0, out=THEIRS)

    @check(f"serve echo answers {program} over UDP", program)
    def _():
        _, port = serve("echo")
        client = start(*UDP_CLIENTS[program](port))
        client.send(b"one\n").wait_for(rb"one\n")
        client.send(b"two\n").wait_for(rb"two\n")
        expect(client.out == b"one\ntwo\n", f"got {client.out!r}")

    @check(f"serve daytime answers {program} over TCP", program)
    def _():
        _, port = serve("daytime")
        client = start(*TCP_CLIENTS[program](port))
        client.wait_for(DAYTIME)
        client.end_input()

    @check(f"serve daytime answers {program} over UDP", program)
    def _():
        _, port = serve("daytime")
        start(*UDP_CLIENTS[program](port)).send(b"\n").wait_for(DAYTIME)


for _program in TCP_CLIENTS:
    register(_program)


@check("serve echo answers telnet", "telnet")
def _():
    _, port = serve("echo")
    client = start("telnet", "127.0.0.1", port)
    client.wait_for(rb"Escape character")
    client.send(b"hello\n").wait_for(rb"^hello\r?\n")


@check("serve daytime answers telnet", "telnet")
def _():
    _, port = serve("daytime")
    client = start("telnet", "127.0.0.1", port)
    client.wait_for(rb"\d\d:\d\d:\d\d")
    client.wait_for(rb"Connection closed by foreign host", stream="err")


@check("serve daytime answers curl", "curl")
def _():
    _, port = serve("daytime")
    run("curl", "--silent", "--max-time", "15", f"telnet://127.0.0.1:{port}").expect(
        0, out_matches=DAYTIME)


@check("serve time answers ncat over TCP", "ncat")
def _():
    _, port = serve("time")
    out = run("ncat", "--recv-only", "127.0.0.1", port).expect(0).out
    expect(len(out) == 4, f"expected 4 bytes, got {out!r}")
    seconds = struct.unpack("!I", out)[0] - 2_208_988_800
    expect(abs(seconds - time.time()) < 10, f"the time is {seconds}")


@check("serve chargen answers socat over TCP", "socat")
def _():
    _, port = serve("chargen")
    client = start("socat", "-u", f"TCP:127.0.0.1:{port}", "-")
    client.wait_for(rb"(?:[ -~]{72}\r\n){200}")
    client.kill()


@check("serve chargen answers nc.openbsd over UDP", "nc.openbsd")
def _():
    _, port = serve("chargen")
    client = start("nc.openbsd", "-u", "127.0.0.1", port)
    client.send(b"\n").wait_for(rb"[ -~]+")


@check("serve discard accepts input from nc.openbsd", "nc.openbsd")
def _():
    _, port = serve("discard")
    run("nc.openbsd", "-N", "127.0.0.1", port, stdin=b"x" * 1_000_000).expect(0, out=b"")


@check("serve sink accepts input from nc.openbsd", "nc.openbsd")
def _():
    _, port = serve("sink")
    run("nc.openbsd", "-N", "127.0.0.1", port, stdin=b"x" * 1_000_000).expect(0)


@check("serve does not answer datagrams from ports that could cause reflection loops", "nc.traditional", root=True)
def _():
    _, port = serve("echo")
    client = start("nc.traditional", "-u", "-p", "7", "127.0.0.1", port).send(b"loop\n")
    try:
        client.wait_for(rb"loop", limit=1.5)
    except Failed:
        pass
    else:
        raise Failed("it answered a sender on port 7")
    start("nc.traditional", "-u", "127.0.0.1", port).send(b"no loop\n").wait_for(rb"no loop\n")


@check("serve exits with 0 after SIGTERM, and dies of SIGINT and SIGHUP")
def _():
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        server, _ = serve("echo")
        server.signal(number).result().expect(0 if number == signal.SIGTERM else -number)
