"""`sock doctor` over foreign programs: it finds what is stuck, and nothing else."""
import json
import os
import re
import resource
import shutil
import signal
import socket
import sys
import tempfile
import time
from pathlib import Path

from support import (
    LIMIT, REPOSITORY, Skipped, at_the_end, check, expect, free_port, run, scratch, shown, sock,
    sock_path, start, wait_bound, wait_for_unix,
)

HEALTHY_RUNS = 20

# One program of a test. It may listen on a port of its own, waits for a word, may connect to another, and
# then runs code that uses `to` and `source`.
PLAYER = r"""
import socket, sys, time
mine, theirs = int(sys.argv[1]), int(sys.argv[2])
if mine:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", mine))
    listener.listen()
print("ready", flush=True)
sys.stdin.readline()
if theirs:
    to = socket.create_connection(("127.0.0.1", theirs))
if mine:
    source = listener.accept()[0]
    listener.close()
print("met", flush=True)
exec(sys.argv[3])
"""
WRITE = "{}.sendall(bytes(1 << 26))"
READ = "{}.recv(1)"
SLEEP = "time.sleep(1000)"


def play(*parts):
    """Starts programs, each (own port, port to connect to, code), and waits until they are connected."""
    players = [start(sys.executable, "-c", PLAYER, *part) for part in parts]
    for player in players:
        player.wait_for(b"ready")
    for player in players:
        player.send(b"go\n")
    for player in players:
        player.wait_for(b"met")
    return players


def pair(server, client):
    """Starts two programs with one connection, and returns them with its port."""
    port = free_port()
    return (*play((port, 0, server.format("source")), (0, port, client.format("to"))), port)


def ring(count, code):
    ports = [free_port() for _ in range(count)]
    return play(*((ports[i], ports[(i + 1) % count], code) for i in range(count))), ports


def doctor(*words, code=None, limit=LIMIT):
    """Runs the doctor; with `code` until it exits with it, because a stall must last a moment."""
    end = time.monotonic() + limit
    while True:
        result = run(*sock("doctor", *words))
        if code is None or result.code == code:
            return result
        if time.monotonic() > end:
            result.expect(code)


def expect_text(result, *parts):
    # Where lines wrap depends on the lengths of numbers.
    text = " ".join(result.out.decode().split())
    for part in parts:
        expect(
            part in text,
            f"expected {part!r}: output {shown(result.out)}, errors {shown(result.err)}")


def name(player):
    return f"{Path(f'/proc/{player.pid}/comm').read_text().strip()}[{player.pid}]"


# What is stuck


@check("doctor: two programs that write to each other are reported as a deadlock, with both PIDs")
def _():
    one, other, port = pair(WRITE, WRITE)
    found = doctor(port, code=1)
    expect_text(
        found, "Deadlock for ", "(both-writing, certain)",
        f"{name(one)} waits for {name(other)} to read",
        f"{name(other)} waits for {name(one)} to read", f"127.0.0.1:{port}")


@check("doctor: two socats that only write are reported as a deadlock", "socat")
def _():
    port = free_port()
    zeros = ("socat", "-u", "OPEN:/dev/zero")
    one = start(*zeros, f"TCP-LISTEN:{port},bind=127.0.0.1")
    wait_bound(port)
    other = start(*zeros, f"TCP:127.0.0.1:{port}")
    found = doctor(port, code=1)
    expect_text(
        found, "(both-writing, certain)", f"socat[{one.pid}] waits for socat[{other.pid}] to read",
        f"socat[{other.pid}] waits for socat[{one.pid}] to read")


@check("doctor: two programs that read from each other are reported as a deadlock")
def _():
    one, other, port = pair(READ, READ)
    found = doctor(port, code=1)
    expect_text(
        found, "(both-waiting, certain)", "a deadlock if each expects the other to send first",
        f"{name(one)} waits for {name(other)} to write",
        f"{name(other)} waits for {name(one)} to write")


@check("doctor: three programs that write in a circle are reported as a deadlock")
def _():
    players, ports = ring(3, "to.sendall(bytes(1 << 26))")
    found = doctor(ports[1], code=1)
    expect_text(found, "Deadlock for ", "3 programs wait for each other", "(circular-wait, certain)")
    for one, following in zip(players, players[1:] + players[:1]):
        expect_text(found, f"{name(one)} waits for {name(following)} to read")


@check("doctor: three programs that read in a circle are reported as a deadlock")
def _():
    players, ports = ring(3, "source.recv(1)")
    found = doctor("--pid", players[2].pid, code=1)
    expect_text(found, "Deadlock for ", "3 programs wait for each other", "(circular-wait, certain)")
    for one, before in zip(players, players[-1:] + players[:-1]):
        expect_text(found, f"{name(one)} waits for {name(before)} to write")


@check("doctor: a stopped reader is named with the command that continues the process")
def _():
    reader, writer, port = pair(SLEEP, WRITE)
    reader.signal(signal.SIGSTOP)
    found = doctor(port, code=1)
    expect_text(
        found, "(peer-not-reading, certain)", f"{name(writer)} waits for {name(reader)} to read",
        "has been stopped by a signal", f"kill -CONT {reader.pid}")
    reader.signal(signal.SIGCONT)


@check("doctor: a server that sleeps while a request is unread is reported as not reading")
def _():
    server, client, port = pair(SLEEP, "to.sendall(b'hello'); to.recv(1)")
    found = doctor(port, code=1)
    expect_text(found, "(not-reading, ", "5 bytes have waited", name(server), "sleeps, in ")


@check("doctor: two programs that write to each other over a Unix socket are reported as a deadlock")
def _():
    path = scratch("doctor-unix")
    program = (
        "import socket, sys\n"
        "s = socket.socket(socket.AF_UNIX)\n"
        "if sys.argv[2] == 'listen':\n"
        "    s.bind(sys.argv[1]); s.listen(); s = s.accept()[0]\n"
        "else:\n"
        "    s.connect(sys.argv[1])\n"
        "s.sendall(bytes(1 << 26))\n")
    one = start(sys.executable, "-c", program, path, "listen")
    wait_for_unix(path)
    other = start(sys.executable, "-c", program, path, "connect")
    found = doctor("--pid", one.pid, code=1)
    expect_text(
        found, "(both-writing, certain)", f"{name(one)} waits for {name(other)} to read", path)


@check("doctor: a listener that does not accept its clients is named")
def _():
    port = free_port()
    server = start(
        sys.executable, "-c",
        "import socket, sys, time\nl = socket.socket(); l.bind(('127.0.0.1', int(sys.argv[1])))\n"
        "l.listen(1); time.sleep(1000)", port)
    wait_bound(port)
    clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(2)]
    found = doctor(port, code=1)
    expect_text(found, "(not-accepting, certain)", "2 of at most 2 clients wait", name(server))
    # The kernel ignores further clients. The listener, not the network, explains it.
    ignored = start(
        sys.executable, "-c",
        "import socket, sys\nsocket.create_connection(('127.0.0.1', int(sys.argv[1])))", port)
    found = doctor(port, code=1)
    end = time.monotonic() + LIMIT
    while b"1 more client gets no answer" not in b" ".join(found.out.split()):
        expect(time.monotonic() < end, shown(found.out))
        found = doctor(port, code=1)
    expect(b"network-lost" not in found.out and b" min" not in found.out, shown(found.out))
    expect_text(
        found, f"{name(ignored)} waits for {name(server)} to accept", "Found 1 problem")
    for client in clients:
        client.close()


# A program whose client sends or closes, and which then runs code that uses `peer`.
SERVER = r"""
import os, socket, sys, time
family, address = getattr(socket, sys.argv[1]), sys.argv[2]
listener = socket.socket(family)
listener.bind(address if family == socket.AF_UNIX else (address, int(sys.argv[3])))
listener.listen()
print("ready", flush=True)
if sys.argv[4] == "accept":
    peer = listener.accept()[0]
    print("met", flush=True)
exec(sys.argv[5])
"""
FAMILIES_OF_STREAMS = (("AF_INET", "127.0.0.1"), ("AF_INET6", "::1"), ("AF_UNIX", None))


def serve(family, address, code, act="accept"):
    """Starts a server and a client that is connected to it."""
    port = free_port()
    if address is None:
        address = scratch("doctor-peer")
        Path(address).unlink(missing_ok=True)
    server = start(sys.executable, "-c", SERVER, family, address, port, act, code)
    server.wait_for(b"ready")
    client = socket.socket(getattr(socket, family))
    client.connect(address if family == "AF_UNIX" else (address, port))
    if act == "accept":
        server.wait_for(b"met")
    return server, client


@check("doctor: a program that does not close a connection after its peer has closed is named")
def _():
    for family, address in FAMILIES_OF_STREAMS:
        server, client = serve(family, address, SLEEP)
        client.close()
        found = doctor("--pid", server.pid, code=1)
        expect_text(
            found, "The peer closed ", " ago, but the program has not (not-closed, ",
            f"The peer of {name(server)} has closed the connection", f"{name(server)} fd 4",
            ", ended")
        server.kill()


@check("doctor: a client that closes before it is accepted is reported with the listener")
def _():
    for family, address in FAMILIES_OF_STREAMS:
        server, client = serve(family, address, SLEEP, act="ignore")
        client.close()
        found = doctor("--pid", server.pid, code=1)
        expect_text(
            found, "(not-accepting, likely)", "1 of at most 129 clients waits",
            "It has already closed its connection.")
        if family != "AF_UNIX":
            expect_text(found, "(not yet accepted)", ", ended")
        server.kill()


@check("doctor PORT names the program, the PID and the user that hold a TCP or UDP port", "setpriv", root=True)
def _():
    folder = tempfile.mkdtemp(prefix="sock-doctor-")
    at_the_end(lambda: shutil.rmtree(folder))
    os.chmod(folder, 0o755)
    copy = shutil.copy(sock_path(), folder)
    unprivileged = ("setpriv", "--reuid", 65534, "--regid", 65534, "--clear-groups", copy, "doctor")
    for family, address in FAMILIES_OF_STREAMS[:2]:
        shown_address = f"[{address}]" if ":" in address else address
        for kind, verb, name_of in (
                (socket.SOCK_STREAM, "listens on", "TCP"), (socket.SOCK_DGRAM, "has", "UDP")):
            with socket.socket(getattr(socket, family), kind) as held:
                held.bind((address, 0))
                if kind == socket.SOCK_STREAM:
                    held.listen()
                port = held.getsockname()[1]
                ours = Path("/proc/self/comm").read_text().strip()
                held_port = f"{verb} {name_of} port {shown_address}:{port}"
                expect_text(doctor(port, code=0), f"{ours}[{os.getpid()}] {held_port}, as user root.")
                expect_text(
                    run(*unprivileged, port),
                    f"A program of user root {held_port}; it is hidden from this user, and root can")
                answer = json.loads(doctor("--json", "--all", port, code=0).out)
                expect(not answer["stuck"] and f"[{os.getpid()}]" in answer["evidence"], f"{answer}")


@check("doctor: a slow reader is never reported as stuck, and its rate is printed")
def _():
    runs = int(os.environ.get("DOCTOR_RUNS", HEALTHY_RUNS)) // 4
    for family, address in FAMILIES_OF_STREAMS:
        for count, pause in ((1000, 0.1), (4096, 0.5)):
            server, client = serve(
                family, address, f"while peer.recv({count}): time.sleep({pause})")
            client.setblocking(False)
            try:
                while True:
                    client.send(bytes(1 << 16))
            except BlockingIOError:
                pass
            text = b""
            for _ in range(runs):
                found = doctor("--pid", server.pid)
                expect(found.code == 0, shown(found.out))
                text += found.out
            expect(b"reads slowly, " in text, shown(text))
            client.close()
            server.kill()


@check("doctor --json prints one object per line, with programs and descriptors")
def _():
    one, other, port = pair(WRITE, WRITE)
    lines = doctor("--json", port, code=1).out.splitlines()
    expect(len(lines) == 1, f"{len(lines)} lines")
    answer = json.loads(lines[0])
    expect(answer["verdict"] == "both-writing" and answer["stuck"], f"{answer}")
    pids = {wait["pid"] for wait in answer["waits"]}
    expect(pids == {one.pid, other.pid}, f"{pids}")
    owners = [end["owners"][0]["pid"] for end in answer["connections"][0]]
    expect(set(owners) == pids, f"{owners}")


# The article


def wait_until_idle(processes):
    """Waits until none of the processes has run for half a second."""
    def ran():
        return [Path(f"/proc/{process.pid}/schedstat").read_text() for process in processes]

    limit = time.monotonic() + LIMIT
    before, since = ran(), time.monotonic()
    while time.monotonic() - since < 0.5:
        expect(time.monotonic() < limit, f"a program still runs after {LIMIT} s")
        time.sleep(0.05)
        if (now := ran()) != before:
            before, since = now, time.monotonic()


def replay(session, port):
    """Runs the commands of a printed session, and returns it with their output."""
    lines, code, started = [], 0, []
    for line in session.splitlines():
        if not line.startswith("$ "):
            continue
        lines.append(line)
        words = [port if word == "7000" else word for word in line[2:].split()]
        if words[-1] == "&":
            started.append(start(*[sys.executable if words[0] == "python3" else words[0]], *words[1:-1]))
            if "listen" in words:
                wait_bound(int(port))
        elif words == ["kill", "-STOP", "$!"]:
            started[-1].signal(signal.SIGSTOP)
        elif words == ["echo", "$?"]:
            lines.append(str(code))
        else:
            # A person types the command when both programs have filled the buffers.
            wait_until_idle(started)
            result = doctor(*words[2:], code=1)
            lines.append(result.out.decode())
            code = result.code
    return "\n".join(lines)


def masked(text):
    """Masks numbers, which differ each time, and the line breaks that depend on their lengths."""
    text = re.sub(r"[\d.]+ (min|s)\b", "TIME", text)
    text = re.sub(r"python[\d.]*(?=\[)", "python3", text)
    text = re.sub(r"as user [\w.-]+", "as user USER", text)
    return re.sub(r"\d+", "N", " ".join(text.split()))


@check("doctor: the article's program and sessions produce the printed output")
def _():
    article = (REPOSITORY / "Sources/Sockets/Sockets.docc/Doctor.md").read_text()
    programs = re.findall(r"```python\n(.*?)```", article, re.S)
    sessions = re.findall(r"```text\n(\$ .*?)```", article, re.S)
    expect(len(programs) == 1 and len(sessions) == 2, f"{len(programs)}, {len(sessions)}")
    Path(scratch("talk.py")).write_text(programs[0])
    for session in sessions:
        port = str(free_port())
        now = replay(session.replace("talk.py", scratch("talk.py")), port)
        now = now.replace(scratch("talk.py"), "talk.py")
        expect(masked(now) == masked(session), f"expected\n{session}\nand got\n{now}")


# What is healthy


def healthy_programs():
    """Starts transfers at full speed, slow ones, request loops and idle connections."""
    transfer = ("while source.recv(1 << 16): pass", "while True: to.sendall(bytes(1 << 16))")
    slow = (
        "while source.recv(4096): time.sleep(0.02)", "while True: to.sendall(bytes(1 << 16))")
    talk = (
        "while True: source.sendall(source.recv(64))",
        "while True: to.sendall(bytes(64)); to.recv(64)")
    # An idle client of a server that waits for clients in another thread.
    idle = (
        "import threading\n"
        "other = socket.create_server(('127.0.0.1', 0))\n"
        "threading.Thread(target=other.accept).start()\n"
        "source.recv(1)", "to.recv(1)")
    sleeping = ("source.recv(1)", SLEEP)
    limited = ("source.settimeout(1000); source.recv(1)", "to.settimeout(1000); to.recv(1)")
    players = []
    for server, client in (transfer, slow, talk, idle, sleeping, limited):
        port = free_port()
        players += play((port, 0, server), (0, port, client))
    port = free_port()
    players.append(start(sys.executable, "-m", "http.server", port, "--bind", "127.0.0.1"))
    wait_bound(port)
    keeper = start(
        sys.executable, "-c",
        "import http.client, sys, time\n"
        "c = http.client.HTTPConnection('127.0.0.1', int(sys.argv[1])); c.request('GET', '/')\n"
        "c.getresponse().read(); print('idle', flush=True); time.sleep(1000)", port)
    keeper.wait_for(b"idle")
    others = [start(sys.executable, "-c", program) for program in FAMILIES]
    for other in others:
        other.wait_for(b"ready")
    return players + [keeper] + others


# Programs that share sockets and pipes with children and threads, and have nothing to do.
FAMILIES = (
    """
import concurrent.futures, time
pool = concurrent.futures.ProcessPoolExecutor(3)
list(pool.map(abs, range(9)))
print("ready", flush=True)
time.sleep(1000)
""",
    """
import multiprocessing, time
pool = multiprocessing.Pool(2)
pool.map(abs, range(9))
print("ready", flush=True)
time.sleep(1000)
""",
    # Unix transfers at full speed and slow ones, to children.
    """
import os, socket, time
for pause in (0, 0.02):
    one, other = socket.socketpair()
    if os.fork() == 0:
        one.close()
        while other.recv(4096):
            time.sleep(pause)
    other.close()
    if os.fork() == 0:
        while True:
            one.sendall(bytes(1 << 16))
print("ready", flush=True)
time.sleep(1000)
""",
    # A request loop over Unix sockets, and a child that waits for a signal.
    """
import os, signal, socket
one, other = socket.socketpair()
if os.fork() == 0:
    while True:
        other.sendall(other.recv(64))
if os.fork() == 0:
    while True:
        one.sendall(bytes(64))
        one.recv(64)
orders, worker = socket.socketpair()
if os.fork() == 0:
    worker.recv(1)
print("ready", flush=True)
signal.pause()
""",
    # A chat server with a thread per client, and clients that only receive.
    """
import os, socket, threading
server = socket.create_server(("127.0.0.1", 0))
for _ in range(3):
    if os.fork() == 0:
        socket.create_connection(server.getsockname()).recv(1)
def serve():
    while True:
        client, _ = server.accept()
        threading.Thread(target=client.recv, args=(1,)).start()
threading.Thread(target=serve).start()
print("ready", flush=True)
""",
    """
import asyncio
async def echo(reader, writer):
    while data := await reader.read(64):
        writer.write(data)
    writer.close()
async def main():
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    for _ in range(3):
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(b"hello")
        await reader.readexactly(5)
    print("ready", flush=True)
    await reader.read(1)
asyncio.run(main())
""",
)


def session(path):
    try:
        return os.getsid(int(path.name))
    except ProcessLookupError:
        return None


def false_alarms(result, pids):
    """The lines of `doctor --json` that tell of one of these programs."""
    found = []
    for line in result.out.splitlines():
        answer = json.loads(line)
        owners = {
            owner["pid"] for ends in answer["connections"] for end in ends
            for owner in end["owners"]}
        if owners & pids:
            found.append(line)
    return found


@check("doctor: healthy transfers, slow transfers and idle connections are never reported as stuck")
def _():
    runs = int(os.environ.get("DOCTOR_RUNS", HEALTHY_RUNS))
    sessions = {player.pid for player in healthy_programs()}
    # Each program has its own session, to which its children belong.
    pids = {
        int(path.name) for path in Path("/proc").glob("[0-9]*") if session(path) in sessions}
    for number in range(runs):
        # Other programs on this machine may be stuck.
        wrong = false_alarms(run(*sock("doctor", "--json")), pids)
        expect(not wrong, f"run {number}: {shown(b' '.join(wrong))}")


# What does not exist, and what is hidden


@check("doctor exits with 3 and one line if the port, process or program does not exist")
def _():
    for words, part in (
        ((free_port(),), rb"no TCP or UDP socket on this machine has port \d+"),
        (("--pid", 4194304), rb"there is no process 4194304"),
        (("--program", "no-such-program"), rb"no program is called 'no-such-program'"),
    ):
        doctor(*words).expect(3, out=b"", err_matches=rb"sock: " + part + rb"\n")


@check("doctor without root says how many sockets have hidden owners", "setpriv", root=True)
def _():
    one, other, port = pair(WRITE, WRITE)
    doctor(port, code=1)
    # The program must be in a folder that the user `nobody` can read.
    folder = tempfile.mkdtemp(prefix="sock-doctor-")
    at_the_end(lambda: shutil.rmtree(folder))
    os.chmod(folder, 0o755)
    copy = shutil.copy(sock_path(), folder)
    unprivileged = ("setpriv", "--reuid", 65534, "--regid", 65534, "--clear-groups", copy, "doctor")
    found = run(*unprivileged, port)
    found.expect(1, err_matches=rb".*the owners of \d+ sockets are hidden from this user;.*")
    expect_text(found, "(both-writing, ", "(hidden, user 0)")
    run(*unprivileged, "--pid", one.pid).expect(
        4, out=b"", err_matches=rb"sock: cannot see the sockets of .*\[%d\]\n.*" % one.pid)


@check("doctor exits with 4 if the kernel does not provide the list of sockets", "strace")
def _():
    run("strace", "-f", "-o", "/dev/null", "-e", "inject=socket:error=EACCES",
        *sock("doctor")).expect(4, out=b"", err_matches=rb"sock: cannot examine .*denied.*")


@check("doctor: if the kernel cannot list Unix sockets, TCP is examined and the gap is reported",
       "strace")
def _():
    # The third socket that it opens requests the list of Unix sockets.
    run("strace", "-f", "-o", "/dev/null", "-e", "inject=socket:error=ENOENT:when=3",
        *sock("doctor", "--pid", os.getpid())).expect(
            0, err_matches=rb".*sock: cannot list Unix sockets: no such file or directory\n.*")


# How fast


# Makes connections to itself in steps, and runs the program over each step. A process and a network namespace
# contain nothing else.
CROWD = r"""
import json, os, resource, socket, subprocess, sys, time
resource.setrlimit(resource.RLIMIT_NOFILE, (10_100, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
ends = []
for count in (2_000, 10_000):
    while len(ends) < count:
        ends += [socket.create_connection(listener.getsockname()), listener.accept()[0]]
    # The program takes two samples if something is stuck.
    ends[0].sendall(b"unread")
    while b"unread" not in ends[1].recv(64, socket.MSG_PEEK):
        pass
    time.sleep(1.1)
    for _ in range(3):
        began = time.monotonic()
        process = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE, text=True)
        out = process.stdout.read()
        _, _, usage = os.wait4(process.pid, 0)
        print(json.dumps([count, time.monotonic() - began, usage.ru_maxrss * 1024, out]), flush=True)
"""


@check("doctor examines 10,000 sockets in less than a second, with at most 4 kB of memory for each", "unshare",
       root=True)
def _():
    if "debug" in sock_path().parts:
        raise Skipped("measured with a release build")
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard != resource.RLIM_INFINITY and hard < 10_100:
        raise Skipped(f"only {hard} descriptors are allowed")
    result = run("unshare", "--net", "--pid", "--fork", "--mount-proc", "--kill-child", "sh", "-c",
                 'ip link set lo up && exec "$@"', "-", sys.executable, "-c", CROWD, *sock("doctor"), limit=60)
    result.expect(0)
    # The fastest and the smallest of three, because others use this machine too.
    seconds, peaks = {}, {}
    for line in result.out.splitlines():
        count, elapsed, peak, out = json.loads(line)
        examined = re.search(r"^Found .* in (\d+) sockets\.$", out, re.MULTILINE)
        expect(examined and int(examined[1]) >= count, out)
        seconds[count] = min(elapsed, seconds.get(count, elapsed))
        peaks[count] = min(peak, peaks.get(count, peak))
    (few, many) = sorted(peaks)
    growth = (peaks[many] - peaks[few]) / (many - few)
    expect(seconds[many] < 1, f"{seconds[many]:.2f} s")
    expect(growth <= 4_000, f"{growth:.0f} B for each socket")
    print(f"   {many} sockets: {seconds[many]:.2f} s, {growth:.0f} B for each")
