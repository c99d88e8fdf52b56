"""`sock` on a terminal and under bash's job control, in tmux."""
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

from support import LIMIT, Failed, check, expect, free_port, scratch, sock_path, start, wait_bound


class Terminal:
    """A window of tmux in which an interactive bash runs; `$S` is the program."""

    def __init__(self, name):
        self.server = f"sock-{name}-{os.getpid()}"
        environment = os.environ | {"S": str(sock_path()), "LC_ALL": "C.UTF-8"}
        self.process = start(
            "tmux", "-L", self.server, "-f", "/dev/null", "-D", env=environment, stdin=None)
        deadline = time.monotonic() + LIMIT
        while self.tmux("new-session", "-d", "-x", "100", "-y", "40", "bash --norc --noprofile"):
            if time.monotonic() > deadline:
                raise Failed("tmux does not start")
            time.sleep(0.05)
        self.wait_for("bash-")

    def tmux(self, *arguments):
        return subprocess.run(
            ["tmux", "-N", "-L", self.server, *arguments], capture_output=True).returncode

    @property
    def screen(self):
        return subprocess.run(
            ["tmux", "-N", "-L", self.server, "capture-pane", "-p"], capture_output=True, text=True).stdout

    def type(self, line, *keys):
        """Types a line and Enter, or other keys of tmux such as C-c."""
        if line:
            self.tmux("send-keys", "-l", line)
        for key in keys or ("Enter",):
            self.tmux("send-keys", key)
        return self

    def wait_for(self, text, limit=LIMIT):
        deadline = time.monotonic() + limit
        while text not in self.screen:
            if time.monotonic() > deadline:
                raise Failed(f"no {text!r} on the screen: {self.screen.strip()!r}")
            time.sleep(0.02)
        return self

    def close(self):
        self.tmux("kill-server")


def wait_until(condition, why, limit=LIMIT):
    deadline = time.monotonic() + limit
    while not condition():
        expect(time.monotonic() < deadline, why)
        time.sleep(0.02)


def process_of(port):
    """The process of the program that has `port` as an argument; None if there is none."""
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
            if words[0] == str(sock_path()).encode() and str(port).encode() in words:
                return int(entry.name)
        except OSError:
            pass
    return None


def state_of(port):
    """The letter of that process's state in /proc."""
    return Path(f"/proc/{process_of(port)}/stat").read_text().rsplit(")", 1)[1].split()[0]


@check("Ctrl-C ends a shell loop around sock", "tmux")
def _():
    terminal = Terminal("loop")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        for command in (f"$S 127.0.0.1 {port}", "$S -l 127.0.0.1 0", "$S -lk 127.0.0.1 0",
                        "$S -lu 127.0.0.1 0", "$S serve echo 127.0.0.1 0"):
            terminal.type(f"clear; for i in 1 2 3; do echo round $i; {command}; done; echo after")
            terminal.wait_for("round 1")
            time.sleep(0.3)
            terminal.type("", "C-c").wait_for("^C")
            terminal.type("echo next").wait_for("\nnext")
            expect("round 2" not in terminal.screen, f"{command}: {terminal.screen!r}")
            expect("\nafter" not in terminal.screen, f"{command}: {terminal.screen!r}")
    terminal.close()


@check("sock as a background job prints what it receives, and reads the terminal after fg", "tmux")
def _():
    terminal = Terminal("jobs")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        terminal.type(f"$S 127.0.0.1 {port} &")
        client, _ = server.accept()
        client.sendall(b"first line\n")
        terminal.wait_for("first line")
        expect(state_of(port) == "S", f"its state is {state_of(port)}")
        terminal.type("fg").wait_for("127.0.0.1")
        time.sleep(0.3)
        terminal.type("typed")
        client.settimeout(LIMIT)
        expect(client.recv(100) == b"typed\n", "the line did not arrive")
        # Back to the background.
        terminal.type("", "C-z").wait_for("Stopped")
        terminal.type("bg")
        time.sleep(0.3)
        client.sendall(b"second line\n")
        terminal.wait_for("second line")
        expect(state_of(port) == "S", f"its state is {state_of(port)}")
        client.close()
    terminal.close()


@check("sock -l under nohup receives data in the background", "tmux")
def _():
    terminal = Terminal("nohup")
    for flag in ("-l", "-lk", "-lu"):
        port = free_port()
        file = scratch(f"nohup{flag}")
        terminal.type(f"nohup $S {flag} 127.0.0.1 {port} >{file} 2>&1 &")
        wait_bound(port, udp=flag == "-lu")
        kind = socket.SOCK_DGRAM if flag == "-lu" else socket.SOCK_STREAM
        with socket.socket(socket.AF_INET, kind) as client:
            client.connect(("127.0.0.1", port))
            client.sendall(b"hello\n")
            wait_until(lambda: Path(file).read_bytes().endswith(b"hello\n"), f"{flag}: no hello")
        expect(b"cannot" not in Path(file).read_bytes(), f"{flag}: {Path(file).read_bytes()!r}")
        terminal.type("kill $!")
    terminal.close()


@check("closing the terminal ends sock -lU, which removes its socket file", "tmux")
def _():
    for flag in ("-lU", "-lkU", "-luU"):
        path = Path(scratch(f"hangup{flag}"))
        terminal = Terminal(f"hangup{flag}")
        terminal.type(f"$S {flag} {path}")
        wait_until(path.exists, "it does not listen")
        terminal.close()
        wait_until(lambda: not path.exists(), f"{flag}: the socket file is left")


@check("on a terminal, sock exits with a message when the peer half-closes", "tmux")
def _():
    terminal = Terminal("half-close")
    with socket.create_server(("127.0.0.1", 0)) as server:
        terminal.type(f"$S 127.0.0.1 {server.getsockname()[1]}; echo status $?")
        client, _ = server.accept()
        client.sendall(b"bye\n")
        client.shutdown(socket.SHUT_WR)
        terminal.wait_for("status 0")
        expect("closed the connection" in terminal.screen, terminal.screen)
    terminal.close()


@check("a terminal stopped by Ctrl-S counts as silence for -w, and SIGTERM ends sock", "tmux")
def _():
    terminal = Terminal("stopped")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        for flags in (["-w", "1"], []):
            status = Path(scratch(f"stopped{''.join(flags)}"))
            terminal.type(f"$S {' '.join(flags)} 127.0.0.1 {port}; echo $? >{status}")
            client, _ = server.accept()
            terminal.type("", "C-s")
            client.settimeout(0.5)
            try:
                while client.send(b"line\n" * 1000):
                    pass
            except (socket.timeout, ConnectionError):
                pass
            if not flags:
                os.kill(process_of(port), signal.SIGTERM)
            wait_until(lambda: process_of(port) is None, "it does not end", limit=5)
            terminal.type("", "C-q")
            wait_until(lambda: status.exists() and status.read_text(), "no status")
            expected = "28" if flags else str(128 + signal.SIGTERM)
            expect(status.read_text().strip() == expected, f"the status is {status.read_text()}")
            client.close()
    terminal.close()


@check("on a terminal, sock reports the attempt, the connection and the end of the connection", "tmux")
def _():
    terminal = Terminal("messages")
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        port = server.getsockname()[1]
        # The queue of the listener is full, so the kernel drops further attempts.
        full = [socket.socket() for _ in range(3)]
        for client in full:
            client.setblocking(False)
            client.connect_ex(("127.0.0.1", port))
        terminal.type(f"$S 127.0.0.1 {port}").wait_for(f"trying 127.0.0.1:{port}", limit=3)
        terminal.type("", "C-c").wait_for("^C")
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(LIMIT)
        port = server.getsockname()[1]
        terminal.type(f"clear; $S 127.0.0.1 {port}")
        client, _ = server.accept()
        terminal.wait_for(f"connected to 127.0.0.1:{port}")
        client.close()
        terminal.wait_for("closed the connection")
    terminal.type("clear; $S -lk 127.0.0.1 0").wait_for("Listening on 127.0.0.1:")
    port = int(terminal.screen.split("Listening on 127.0.0.1:")[1].split()[0])
    with socket.create_connection(("127.0.0.1", port)) as client:
        terminal.wait_for("Connection from")
        terminal.type("", "C-d").wait_for("later clients receive nothing")
        expect(client.recv(10) == b"", "the client got bytes")
    with socket.create_connection(("127.0.0.1", port)) as late:
        late.sendall(b"still heard\n")
        terminal.wait_for("still heard")
        late.settimeout(1.5)
        try:
            raise Failed(f"a later client got {late.recv(10)!r}")
        except socket.timeout:
            pass
    terminal.type("", "C-c")
    terminal.close()
