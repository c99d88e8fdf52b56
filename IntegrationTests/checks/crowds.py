"""Many callers at once, of one process with few threads."""
import contextlib
import re
import resource
import selectors
import signal
import socket
import time
from pathlib import Path

from support import Failed, check, expect, sock, start


def status(pid, field):
    """A number of /proc/PID/status."""
    text = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(rf"^{field}:\s+(\d+)", text, re.M).group(1))


def listening(*command):
    """A server that tells its port on standard error, and that port."""
    server = start(*sock(*command))
    port = server.wait_for(rb"127\.0\.0\.1\D+(\d+)", stream="err").group(1)
    return server, int(port)


@contextlib.contextmanager
def crowd(port, count):
    """So many callers, all connected at the same time."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    expect(hard >= count + 64, f"the limit of open files, {hard}, is too low for {count} callers")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count + 64), hard))
    with contextlib.ExitStack() as callers:
        yield [
            callers.enter_context(socket.create_connection(("127.0.0.1", port), timeout=20))
            for _ in range(count)
        ]


def receive(callers, expected, limit=30):
    """Reads from all of them at once, until each has got what is expected of him."""
    got = {caller: bytearray() for caller in callers}
    deadline = time.monotonic() + limit
    with selectors.DefaultSelector() as selector:
        for caller in callers:
            selector.register(caller, selectors.EVENT_READ)
        while selector.get_map():
            ready = selector.select(deadline - time.monotonic())
            if not ready:
                raise Failed(f"after {limit} s {len(selector.get_map())} callers still wait")
            for key, _ in ready:
                piece = key.fileobj.recv(1 << 16)
                got[key.fileobj] += piece
                if not piece or len(got[key.fileobj]) >= len(expected[key.fileobj]):
                    selector.unregister(key.fileobj)
    wrong = sum(got[caller] != expected[caller] for caller in callers)
    expect(wrong == 0, f"{wrong} of {len(callers)} callers got something else than expected")


@check("serve echo: a thousand callers at once are all echoed, by a few threads")
def _():
    server, port = listening("serve", "echo", "--threads", "2", "127.0.0.1", "0")
    with crowd(port, 1000) as callers:
        messages = {
            caller: f"this is caller {number}\n".encode() * 100
            for number, caller in enumerate(callers)
        }
        for caller, message in messages.items():
            caller.sendall(message)
        receive(callers, messages)
        threads = status(server.pid, "Threads")
        expect(threads <= 2 + 2, f"{threads} threads")
    server.signal(signal.SIGTERM).result().expect(0)


@check("-lk: two hundred callers at once each get the input, from a few threads")
def _():
    server, port = listening("-lkv", "127.0.0.1", "0")
    news = b"news for everybody\n" * 10_000
    with crowd(port, 200) as callers:
        server.wait_for(rb"(?:Connection from [^\n]*\n){200}", stream="err")
        server.send(news).end_input()
        receive(callers, dict.fromkeys(callers, news))
        threads = status(server.pid, "Threads")
        # The loop, the main one, and one each for input, output, words (because of -v) and signals.
        expect(threads <= 6, f"{threads} threads")
        for caller in callers:
            expect(caller.recv(1) == b"", "the end of the input is not the end of the stream")
            caller.sendall(b"x")
    server.wait_for(rb"x{200}")
    server.signal(signal.SIGTERM).result().expect(0)


@check("-lk: who does not read holds up the others for a while only, and takes little memory")
def _():
    server, port = listening("-lkv", "127.0.0.1", "0")
    size = 64 << 20
    with crowd(port, 2) as callers:
        server.wait_for(rb"(?:Connection from [^\n]*\n){2}", stream="err")
        slow, quick = callers
        name = f"127.0.0.1:{slow.getsockname()[1]}".encode()
        server.send(bytes(size)).end_input()
        # The one who reads gets all of it in the end, though the other never reads a byte.
        began = time.monotonic()
        receive([quick], {quick: bytes(size)}, limit=30)
        seconds = time.monotonic() - began
        expect(9 < seconds < 12, f"it took {seconds:.1f} s, expected 10 to 11")
        expect(b"hung up on " + name in server.err, f"errors {server.err!r}")
        memory = status(server.pid, "VmHWM") >> 10
        expect(memory < 64, f"it took {memory} MiB of memory")
    server.signal(signal.SIGTERM).result().expect(0)
