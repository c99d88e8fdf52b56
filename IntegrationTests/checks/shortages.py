"""Servers for which descriptors run short: they survive, wait without work, and go on afterwards."""
import signal
import socket
import time
from pathlib import Path

from support import check, expect, free_port, sock, sock_path, start, wait_bound

DESCRIPTORS = 32
CLIENTS = 200


def processor_seconds(pid):
    """What all threads of a process have used so far."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


def wait_for_echo(client, limit):
    """Returns the seconds until a client receives the echo of a message."""
    began = time.monotonic()
    client.settimeout(limit)
    expect(client.recv(16) == b"x", "expected an echo")
    return time.monotonic() - began


def starve(port, *command):
    """Runs a server that may have 32 descriptors with 200 clients."""
    server = start("prlimit", f"--nofile={DESCRIPTORS}", *command)
    wait_bound(port)
    clients = []
    for _ in range(CLIENTS):
        client = socket.create_connection(("127.0.0.1", port), timeout=10)
        client.sendall(b"x")
        clients.append(client)

    # The first get in; how many depends on what else the server has open.
    served = 0
    try:
        while True:
            wait_for_echo(clients[served], 1)
            served += 1
    except TimeoutError:
        pass
    expect(1 <= served < DESCRIPTORS, f"{served} clients were served with {DESCRIPTORS} descriptors")

    used, began = processor_seconds(server.pid), time.monotonic()
    time.sleep(3)
    share = (processor_seconds(server.pid) - used) / (time.monotonic() - began)
    expect(share <= 0.05, f"a starved server uses {share:.1%} of a processor")

    clients[0].close()
    seconds = wait_for_echo(clients[served], 5)
    expect(seconds <= 1, f"{seconds:.2f} s until the next client was accepted")

    # As clients disconnect, the others are served.
    for index in range(1, CLIENTS - served):
        clients[index].close()
        wait_for_echo(clients[served + index], 5)
    expect(server.process.poll() is None, "the server has ended")
    return server


@check("EchoServer without free descriptors idles, and accepts clients when others disconnect", "prlimit")
def _():
    program = sock_path().parent / "EchoServer"
    expect(program.is_file(), f"no program {program}: it is built with sock")
    port = free_port()
    server = starve(port, program, port)
    expect(server.err.count(b"cannot accept") == 1, f"expected one report: {server.err!r}")


@check("sock serve without free descriptors idles, and accepts clients when others disconnect", "prlimit")
def _():
    port = free_port()
    server = starve(port, *sock("serve", "echo", "127.0.0.1", port))
    expect(server.err.count(b"cannot accept") == 1, f"expected one report: {server.err!r}")
    server.signal(signal.SIGTERM).result().expect(0)
