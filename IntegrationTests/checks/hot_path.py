"""The cost of a verdict that is not needed: the system calls of an exchange with a timeout."""
import re
import sys
from pathlib import Path

from support import Skipped, check, expect, run, scratch, sock_path, start

TRIPS = 1000
# Setting up and ending: connecting, the option that holds the limit, the loop's own descriptors.
SPARE = 25

ECHO = r"""
import socket
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
peer = listener.accept()[0]
peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
while data := peer.recv(4096):
    peer.sendall(data)
"""


def counted(half):
    """How often the probe made each system call."""
    probe = sock_path().parent / "StallProbe"
    if not probe.is_file():
        raise Skipped(f"no program {probe}; build all of the package")
    echo = start(sys.executable, "-c", ECHO)
    port = echo.wait_for(rb"(\d+)\n").group(1).decode()
    table = scratch(f"calls-{half}")
    run("strace", "-f", "-c", "-o", table, probe, half, "trips", port, stdin=b"go\n", limit=60).expect(
        0, out_matches=rb"connected\nechoed %d\n" % (TRIPS * 64))
    counts = {}
    for line in Path(table).read_text().splitlines():
        # % time, seconds, usecs/call, calls, perhaps errors, name
        if match := re.fullmatch(r"\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)", line):
            counts[match.group(2)] = int(match.group(1))
    return counts


def expect_counts(half, counts):
    told = {name: counts.get(name, 0) for name in (
        "sendto", "recvfrom", "epoll_wait", "poll", "ppoll", "setsockopt", "getsockopt", "ioctl")}
    print(f"   {half}: {told}")
    expect(told["sendto"] == TRIPS, f"{told}: one send for each message")
    expect(TRIPS <= told["recvfrom"] <= TRIPS + SPARE, f"{told}: one receive for each answer")
    # The statistics for a verdict are read only after a timeout.
    for name in ("getsockopt", "setsockopt", "ioctl", "poll", "ppoll"):
        expect(told[name] <= SPARE, f"{told}: {name} in each round trip")
    return told


@check("a time limit on a blocking socket costs no system call", "strace")
def _():
    told = expect_counts("blocking", counted("blocking"))
    expect(told["epoll_wait"] == 0, f"{told}: a blocking socket needs no loop")


@check("a time limit on an async connection costs no system call except the loop's wait", "strace")
def _():
    told = expect_counts("tasks", counted("tasks"))
    # A loop that has run something looks once without waiting, before it waits for the answer.
    expect(told["epoll_wait"] <= 2 * TRIPS + SPARE, f"{told}: two waits for each answer")
