"""What a round trip costs in memory: nothing."""
import os
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

from support import check, expect, free_port, sock, start, wait_bound

CALLERS = 8
SHIM = Path(__file__).resolve().parent / "count_allocations.c"


def allocations(shim, rounds):
    """All that `sock serve echo` allocates for some callers who send so often, from start to end."""
    port = free_port()
    server = start(
        *sock("serve", "--threads", 1, "echo", port), env={**os.environ, "LD_PRELOAD": str(shim)})
    wait_bound(port)
    callers = [socket.create_connection(("127.0.0.1", port), timeout=10) for _ in range(CALLERS)]
    for _ in range(rounds):
        for caller in callers:
            caller.sendall(b"x" * 64)
        for caller in callers:
            expect(len(caller.recv(64, socket.MSG_WAITALL)) == 64, "expected an echo")
    for caller in callers:
        caller.close()
    return int(
        server.signal(signal.SIGTERM).wait_for(rb"^allocations: (\d+)$", stream="err").group(1))


@check("allocations: a round trip of echo allocates nothing", "cc")
def _():
    with tempfile.TemporaryDirectory() as folder:
        shim = Path(folder) / "count.so"
        subprocess.run(
            ["cc", "-shared", "-fPIC", "-O1", "-o", shim, SHIM], check=True)
        few, many = allocations(shim, 100), allocations(shim, 2100)
        each = (many - few) / (2000 * CALLERS)
        # Queues that grow once, and a timer now and then, are not a cost of the round trip.
        expect(each < 0.001, f"{each:.3f} allocations for each round trip ({few}, then {many})")
