"""What a round trip costs in memory: nothing."""
import os
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

from support import check, expect, free_port, sock, start, wait_bound

CLIENTS = 8
SHIM = Path(__file__).resolve().parent / "count_allocations.c"


def allocations(shim, rounds):
    """Returns what `sock serve echo` allocates for a number of clients and messages, from start to end."""
    port = free_port()
    server = start(
        *sock("serve", "--threads", 1, "echo", port), env={**os.environ, "LD_PRELOAD": str(shim)})
    wait_bound(port)
    clients = [socket.create_connection(("127.0.0.1", port), timeout=10) for _ in range(CLIENTS)]
    for _ in range(rounds):
        for client in clients:
            client.sendall(b"x" * 64)
        for client in clients:
            expect(len(client.recv(64, socket.MSG_WAITALL)) == 64, "expected an echo")
    for client in clients:
        client.close()
    return int(
        server.signal(signal.SIGTERM).wait_for(rb"^allocations: (\d+)$", stream="err").group(1))


@check("allocations: an echo round trip allocates nothing", "cc")
def _():
    with tempfile.TemporaryDirectory() as folder:
        shim = Path(folder) / "count.so"
        subprocess.run(
            ["cc", "-shared", "-fPIC", "-O1", "-o", shim, SHIM], check=True)
        few, many = allocations(shim, 100), allocations(shim, 2100)
        each = (many - few) / (2000 * CLIENTS)
        # Queues that grow once, and a timer now and then, are not a cost of the round trip.
        expect(each < 0.001, f"{each:.3f} allocations for each round trip ({few}, then {many})")
