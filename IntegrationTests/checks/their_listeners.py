"""Our client against listeners of other programs: bytes both ways, ends passed on."""
import hashlib
import os
import re

from support import (
    check, expect, free_port, run, scratch, sock, start, wait_bound, wait_for_unix,
)

OURS = b"from our side\n" * 5000
THEIRS = b"from their side\n" * 5000


def talk(listener, client, port=None, path=None):
    """Each sends its bytes and ends; each gets all of the other's and exits with 0.

    Other listeners than socat exit when our data ends and drop what they have not sent, so we end last.
    """
    server = start(*listener)
    if path is not None:
        wait_for_unix(path)
    else:
        wait_bound(port)
    server.send(THEIRS).end_input()
    caller = start(*client)
    if listener[0] != "socat":
        caller.wait_for(re.escape(THEIRS))
    caller.send(OURS).end_input()
    caller.result().expect(0, out=THEIRS, err=b"")
    server.result().expect(0, out=OURS)


@check("sock connects to nc.openbsd -l", "nc.openbsd")
def _():
    port = free_port()
    talk(["nc.openbsd", "-N", "-l", "127.0.0.1", port], sock("127.0.0.1", port), port)


@check("sock connects to nc.traditional -l", "nc.traditional")
def _():
    port = free_port()
    talk(["nc.traditional", "-q", "2", "-l", "-p", port], sock("127.0.0.1", port), port)


@check("sock connects to ncat -l", "ncat")
def _():
    port = free_port()
    talk(["ncat", "-l", "127.0.0.1", port], sock("127.0.0.1", port), port)


@check("sock connects to socat TCP-LISTEN", "socat")
def _():
    port = free_port()
    talk(["socat", "-t", "10", "-", f"TCP-LISTEN:{port},bind=127.0.0.1"],
         sock("127.0.0.1", port), port)


@check("sock -6 connects to socat on ::1", "socat")
def _():
    port = free_port()
    talk(["socat", "-t", "10", "-", f"TCP6-LISTEN:{port},bind=[::1]"], sock("-6", "::1", port), port)


@check("sock accepts [::1]:PORT as one word", "socat")
def _():
    port = free_port()
    talk(["socat", "-t", "10", "-", f"TCP6-LISTEN:{port},bind=[::1]"], sock(f"[::1]:{port}"), port)


@check("sock accepts tcp://127.0.0.1:PORT as one word", "socat")
def _():
    port = free_port()
    talk(["socat", "-t", "10", "-", f"TCP-LISTEN:{port},bind=127.0.0.1"],
         sock(f"tcp://127.0.0.1:{port}"), port)


@check("sock -U connects to nc.openbsd -lU", "nc.openbsd")
def _():
    path = scratch("nc.sock")
    talk(["nc.openbsd", "-N", "-lU", path], sock("-U", path), path=path)


@check("sock connects to socat UNIX-LISTEN", "socat")
def _():
    path = scratch("socat.sock")
    talk(["socat", "-t", "10", "-", f"UNIX-LISTEN:{path}"], sock(f"unix:{path}"), path=path)


@check("sock connects to socat ABSTRACT-LISTEN", "socat")
def _():
    name = f"sock-integration-{os.getpid()}"
    server = start("socat", "-t", "10", "-", f"ABSTRACT-LISTEN:{name}")
    wait_for_unix(f"@{name}")
    server.send(THEIRS).end_input()
    run(*sock(f"unix:@{name}"), stdin=OURS).expect(0, out=THEIRS, err=b"")
    server.result().expect(0, out=OURS)


@check("sock -u exchanges datagrams with nc.openbsd -ul", "nc.openbsd")
def _():
    port = free_port()
    server = start("nc.openbsd", "-u", "-l", "127.0.0.1", port)
    wait_bound(port, udp=True)
    client = start(*sock("-u", "127.0.0.1", port))
    client.send(b"question\n")
    server.wait_for(b"question\n")
    server.send(b"answer\n")
    client.wait_for(b"answer\n")
    client.end_input().result().expect(0, out=b"answer\n", err=b"")


@check("sock -u sends one datagram for each read, and prints the replies of socat", "socat")
def _():
    port = free_port()
    start("socat", f"UDP-RECVFROM:{port},bind=127.0.0.1,fork", "EXEC:/bin/cat")
    wait_bound(port, udp=True)
    client = start(*sock("-u", "-w", "2", "127.0.0.1", port))
    for line in (b"one\n", b"two\n"):
        client.send(line).wait_for(line)
    client.end_input().result().expect(0, out=b"one\ntwo\n", err=b"")


@check("sock --send-only sends a Unix datagram to socat", "socat")
def _():
    path = scratch("dgram.sock")
    server = start("socat", "-u", f"UNIX-RECV:{path}", "-")
    wait_for_unix(path)
    run(*sock("--send-only", f"unixgram:{path}"), stdin=b"hello\n").expect(0, out=b"", err=b"")
    server.wait_for(b"hello\n")


# Large and slow


# Not ncat -e: it writes to its program without reading from it meanwhile, and so locks itself up.
def echo_quarter_gibibyte(server, port):
    block = os.urandom(1 << 20)
    digest = hashlib.sha256()
    path = scratch("quarter-gibibyte")
    with open(path, "wb") as file:
        for number in range(256):
            piece = number.to_bytes(8, "big") + block[8:]
            digest.update(piece)
            file.write(piece)
    start(*server)
    wait_bound(port)
    back = scratch("quarter-gibibyte-back")
    with open(path, "rb") as source, open(back, "wb") as target:
        client = start(*sock("127.0.0.1", port), stdin=source, stdout=target)
        client.result(limit=120).expect(0, err=b"")
    returned = hashlib.sha256()
    with open(back, "rb") as file:
        while piece := file.read(1 << 20):
            returned.update(piece)
    size = os.path.getsize(back)
    os.unlink(path)
    os.unlink(back)
    expect(size == 256 << 20, f"{size} bytes came back")
    expect(returned.digest() == digest.digest(), "the SHA-256 of what came back differs")


@check("256 MiB return unchanged from an echo by socat", "socat")
def _():
    port = free_port()
    echo_quarter_gibibyte(
        ["socat", "-t", "60", f"TCP-LISTEN:{port},bind=127.0.0.1", "EXEC:/bin/cat"], port)


@check("256 MiB return unchanged from an echo by nc.traditional -e cat", "nc.traditional")
def _():
    port = free_port()
    echo_quarter_gibibyte(["nc.traditional", "-l", "-p", port, "-e", "/bin/cat"], port)


@check("sock prints an answer that comes one second after the end of input", "socat")
def _():
    port = free_port()
    start("socat", "-t", "10", f"TCP-LISTEN:{port},bind=127.0.0.1",
          "SYSTEM:cat >/dev/null; sleep 1; echo late")
    wait_bound(port)
    result = run("bash", "-c", f'printf hello | "$0" 127.0.0.1 {port}', *sock())
    result.expect(0, out=b"late\n", err=b"")
    expect(result.seconds >= 1, f"ended after {result.seconds:.1f} s, before the answer")


@check("-q ends the wait after the end of input", "socat")
def _():
    port = free_port()
    start("socat", "-t", "15", f"TCP-LISTEN:{port},bind=127.0.0.1", "SYSTEM:sleep 15")
    wait_bound(port)
    result = run(*sock("-q", "1", "127.0.0.1", port), stdin=b"hello").expect(0, out=b"")
    expect(0.8 < result.seconds < 5, f"took {result.seconds:.1f} s, expected about 1")
