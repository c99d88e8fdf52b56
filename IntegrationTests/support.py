"""What the checks have in common: processes, ports, expectations, certificates, xinetd, network namespaces."""
import argparse
import atexit
import os
import queue
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
LIMIT = 20  # seconds that anything may take before it counts as hanging


class Failed(Exception):
    pass


class Skipped(Exception):
    pass


# Checks

CHECKS = []


@dataclass
class Check:
    name: str
    programs: tuple
    root: bool
    body: object

    def run(self):
        for program in self.programs:
            if shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin:/sbin") is None:
                raise Skipped(f"no program {program}")
        if self.root and os.geteuid() != 0:
            raise Skipped("needs root")
        try:
            self.body()
        finally:
            stop_processes()


def check(name, *programs, root=False):
    """Registers the function below as a check that needs `programs`."""

    def register(body):
        CHECKS.append(Check(name, programs, root, body))
        return body

    return register


def expect(condition, why):
    if not condition:
        raise Failed(why)


def expect_within(limit, attempt, at_least=0):
    """Calls `attempt`, which returns seconds, until one is less than `limit`, at most three times.

    A busy machine can delay a program, but not speed it up. So one attempt in time is enough, but each
    must take `at_least` this many seconds.
    """
    late = []
    while len(late) < 3:
        seconds = attempt()
        expect(seconds >= at_least, f"it took {seconds:.2f} s, expected at least {at_least} s")
        if seconds < limit:
            return
        late.append(f"{seconds:.2f}")
    raise Failed(f"it took {', '.join(late)} s, expected less than {limit} s")


def run_checks(description):
    """Runs the registered checks that the command line chooses, and returns the exit status."""
    parser = argparse.ArgumentParser(description=description.split("\n")[0])
    parser.add_argument("--no-skip", action="store_true", help="a skipped check is a failure")
    parser.add_argument("--list", action="store_true", help="print the names only")
    parser.add_argument("words", nargs="*", help="run the checks with one of these in the name")
    options = parser.parse_args()
    if not sock_path().is_file():
        parser.error(f"no program {sock_path()}; run `swift build` first or set SOCK")
    chosen = [
        check
        for check in CHECKS
        if not options.words or any(word in check.name for word in options.words)
    ]
    if options.list:
        print("\n".join(check.name for check in chosen))
        return 0
    if not chosen:
        parser.error("no check has such a name")

    # Removes servers and namespaces also after SIGTERM.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    passed = skipped = 0
    failures = []
    try:
        for check in chosen:
            began = time.monotonic()
            failure = None
            try:
                check.run()
            except Skipped as reason:
                if options.no_skip:
                    failure = f"skipped: {reason}"
                else:
                    skipped += 1
                    print(f"skip {check.name}: {reason}", flush=True)
                    continue
            except Failed as reason:
                failure = str(reason)
            except Exception as error:  # a check that is broken itself must not hide the others
                failure = f"{type(error).__name__}: {error}"
            if failure is None:
                passed += 1
                seconds = time.monotonic() - began
                slow = f" ({seconds:.1f} s)" if seconds >= 1 else ""
                print(f"ok {check.name}{slow}", flush=True)
            else:
                failures.append(f"FAIL {check.name}: {failure}")
                print(failures[-1], flush=True)
    finally:
        clean_up()
    # Repeated here, because the failures are far up in a long list.
    print("\n".join([*failures, f"{passed} passed, {len(failures)} failed, {skipped} skipped"]))
    return 1 if failures else 0


# Processes


def sock_path():
    return Path(os.environ.get("SOCK", REPOSITORY / ".build/debug/sock")).resolve()


def sock(*arguments):
    return [str(sock_path()), *map(str, arguments)]


def shell_words(command):
    return shlex.join("sock" if word == str(sock_path()) else word for word in command)


def shown(data):
    text = data if len(data) <= 300 else data[:300] + b"..."
    return repr(text)[1:]


@dataclass
class Result:
    command: list
    code: int
    out: bytes
    err: bytes
    seconds: float

    def expect(self, code=None, out=None, err=None, out_matches=None, err_matches=None):
        """Raises `Failed` with the whole story unless everything given is as expected."""
        wrong = []
        if code is not None and self.code != code:
            wrong.append(f"exit {code}")
        if out is not None and self.out != out:
            wrong.append(f"output {shown(out)}")
        if err is not None and self.err != err:
            wrong.append(f"errors {shown(err)}")
        if out_matches is not None and not re.fullmatch(out_matches, self.out, re.S):
            wrong.append(f"output like {out_matches!r}")
        if err_matches is not None and not re.fullmatch(err_matches, self.err, re.S):
            wrong.append(f"errors like {err_matches!r}")
        if wrong:
            raise Failed(
                f"`{shell_words(self.command)}`: expected {', '.join(wrong)}; exit {self.code} "
                f"after {self.seconds:.1f} s, output {shown(self.out)}, errors {shown(self.err)}"
            )
        return self


def heed_signals():
    """Undoes what a shell or nohup(1) that runs the checks in the background passes on: ignored signals."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


class Process:
    """A program that runs beside the check; what it writes is collected as it comes."""

    def __init__(self, command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=None):
        self.command = [str(word) for word in command]
        self.began = time.monotonic()
        self.process = subprocess.Popen(
            self.command, stdin=stdin, stdout=stdout, stderr=subprocess.PIPE, env=env,
            start_new_session=True,
            preexec_fn=heed_signals,
        )
        self.pid = self.process.pid
        self._arrived = threading.Condition()
        self._texts = {"out": bytearray(), "err": bytearray()}
        self._readers = [
            threading.Thread(target=self._collect, args=(stream, name), daemon=True)
            for name, stream in (("out", self.process.stdout), ("err", self.process.stderr))
            if stream is not None
        ]
        for reader in self._readers:
            reader.start()
        self._input = queue.SimpleQueue()
        if stdin == subprocess.PIPE:
            threading.Thread(target=self._feed, daemon=True).start()
        RUNNING.append(self)

    def _feed(self):
        """Writes to standard input without blocking, even if the program does not read."""
        try:
            while (data := self._input.get()) is not None:
                self.process.stdin.write(data)
                self.process.stdin.flush()
        except OSError:
            pass  # it went away, or closed its input: its own business
        finally:
            try:
                self.process.stdin.close()
            except OSError:
                pass

    def _collect(self, stream, name):
        while data := os.read(stream.fileno(), 1 << 16):
            with self._arrived:
                self._texts[name] += data
                self._arrived.notify_all()
        with self._arrived:
            self._arrived.notify_all()

    @property
    def out(self):
        return bytes(self._texts["out"])

    @property
    def err(self):
        return bytes(self._texts["err"])

    def send(self, data):
        self._input.put(data)
        return self

    def end_input(self):
        self._input.put(None)
        return self

    def wait_for(self, pattern, stream="out", limit=LIMIT):
        """The match of `pattern` in what the program wrote, as soon as it is there."""
        deadline = time.monotonic() + limit
        with self._arrived:
            while not (match := re.search(pattern, self._texts[stream], re.S | re.M)):
                left = deadline - time.monotonic()
                ended = self.process.poll() is not None and not any(
                    reader.is_alive() for reader in self._readers
                )
                if left <= 0 or ended:
                    how = f"ended with {self.process.returncode}" if ended else f"{limit} s passed"
                    raise Failed(
                        f"`{shell_words(self.command)}`: {how} without {pattern!r} on its {stream}; "
                        f"output {shown(self.out)}, errors {shown(self.err)}"
                    )
                self._arrived.wait(min(left, 0.1))
            return match

    def signal(self, number):
        os.kill(self.pid, number)
        return self

    def result(self, limit=LIMIT):
        """What became of it, once it ends by itself."""
        try:
            self.process.wait(limit)
        except subprocess.TimeoutExpired:
            out, err = self.out, self.err
            self.kill()
            raise Failed(
                f"`{shell_words(self.command)}` did not end in {limit} s; "
                f"output {shown(out)}, errors {shown(err)}"
            ) from None
        for reader in self._readers:
            reader.join(5)
        return Result(
            self.command, self.process.returncode, self.out, self.err,
            time.monotonic() - self.began,
        )

    def kill(self):
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        self.end_input()


RUNNING = []


def start(*command, **options):
    return Process(command, **options)


def run(*command, stdin=b"", limit=LIMIT, **options):
    """Runs a program to its end with `stdin` as its whole input."""
    return Process(command, **options).send(stdin).end_input().result(limit)


def stop_processes():
    while RUNNING:
        RUNNING.pop().kill()


# Ports


def free_port():
    """A port that was free a moment ago, over TCP and UDP, IPv4 and IPv6."""
    while True:
        with socket.socket(socket.AF_INET6) as tcp, socket.socket(
            socket.AF_INET6, socket.SOCK_DGRAM
        ) as udp:
            for each in (tcp, udp):
                each.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            tcp.bind(("::", 0))
            try:
                udp.bind(("::", tcp.getsockname()[1]))
            except OSError:
                continue
            return tcp.getsockname()[1]


def wait_bound(port, udp=False, pid="self", limit=LIMIT):
    """Waits until a program listens on `port` (UDP: has bound it), without connecting to it."""
    names = ("udp", "udp6") if udp else ("tcp", "tcp6")
    state = "07" if udp else "0A"
    suffix = f":{port:04X}"
    deadline = time.monotonic() + limit
    while time.monotonic() < deadline:
        for name in names:
            for line in Path(f"/proc/{pid}/net/{name}").read_text().splitlines()[1:]:
                fields = line.split()
                if fields[1].endswith(suffix) and fields[3] == state:
                    return
        time.sleep(0.01)
    raise Failed(f"no program bound port {port} in {limit} s")


def wait_for_unix(path, limit=LIMIT):
    """Waits until a program has bound the Unix socket `path` or `@name`."""
    listens, datagram = "00010000", "0002"
    deadline = time.monotonic() + limit
    while time.monotonic() < deadline:
        for line in Path("/proc/net/unix").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[-1] == path and (fields[3] == listens or fields[4] == datagram):
                return
        time.sleep(0.01)
    raise Failed(f"no program listens on {path} after {limit} s")


# A folder for files, and the clean-up of everything that outlives one check

_FOLDER = tempfile.TemporaryDirectory(prefix="sock-integration-")
_LATER = []


def scratch(name):
    return os.path.join(_FOLDER.name, name)


def at_the_end(action):
    _LATER.append(action)


def clean_up():
    stop_processes()
    while _LATER:
        _LATER.pop()()
    _FOLDER.cleanup()


atexit.register(clean_up)


# Certificates


def make_certificate(folder, kind="ec"):
    """Creates a self-signed certificate for localhost and 127.0.0.1, and returns its path and its key's."""
    certificate, key = Path(folder) / "certificate.pem", Path(folder) / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", kind, "-nodes", "-days", "30", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out", certificate]
        + (["-pkeyopt", "ec_paramgen_curve:prime256v1"] if kind == "ec" else []),
        check=True, stderr=subprocess.DEVNULL)
    return certificate, key


# xinetd's classic services

SERVICES = ("echo", "discard", "daytime", "chargen", "time")
_XINETD = {}


def xinetd_configuration(ports, bind="127.0.0.1"):
    user = subprocess.run(["id", "-un"], capture_output=True, text=True).stdout.strip()
    text = (
        "defaults\n{\n    instances = UNLIMITED\n    cps = 10000 1\n"
        f"    bind = {bind}\n    log_type = FILE /dev/null\n}}\n"
    )
    for name in SERVICES:
        for kind, protocol, wait in (("stream", "tcp", "no"), ("dgram", "udp", "yes")):
            text += (
                f"service {name}\n{{\n    id = {name}-{kind}\n    type = INTERNAL UNLISTED\n"
                f"    socket_type = {kind}\n    protocol = {protocol}\n    port = {ports[name]}\n"
                f"    wait = {wait}\n    user = {user}\n    disable = no\n}}\n"
            )
    return text


def start_xinetd(ports, prefix=(), name="xinetd"):
    """Starts xinetd until the end of all checks."""
    configuration = scratch(f"{name}.conf")
    Path(configuration).write_text(xinetd_configuration(ports))
    process = subprocess.Popen(
        [*prefix, shutil.which("xinetd", path="/usr/sbin:/sbin:" + os.environ["PATH"]),
         "-dontfork", "-f", configuration, "-pidfile", scratch(f"{name}.pid")],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    )

    def stop():
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()

    at_the_end(stop)
    for port in ports.values():
        wait_bound(port, pid=process.pid)
        wait_bound(port, udp=True, pid=process.pid)


def xinetd(service):
    """The port of xinetd's `service` on 127.0.0.1, over TCP and UDP."""
    if not _XINETD:
        ports = {name: free_port() for name in SERVICES}
        start_xinetd(ports)
        _XINETD.update(ports)
    return _XINETD[service]


# Network namespaces with their own /etc/hosts, /etc/services and name service switch


class Namespace:
    """Lives until the end of all checks. `files` are laid over those of /etc of the same name."""

    def __init__(self, label, files):
        self.name = f"sock-{label}-{os.getpid()}"
        self._folder = Path("/etc/netns") / self.name
        had_netns = self._folder.parent.exists()
        made = subprocess.run(["ip", "netns", "add", self.name], capture_output=True, text=True)
        if made.returncode != 0:
            raise Skipped(f"no network namespaces here: {made.stderr.strip()}")

        def remove():
            subprocess.run(["ip", "netns", "del", self.name], capture_output=True)
            shutil.rmtree(self._folder, ignore_errors=True)
            if not had_netns:
                try:
                    self._folder.parent.rmdir()
                except OSError:
                    pass

        at_the_end(remove)
        self._folder.mkdir(parents=True)
        for name, text in files.items():
            (self._folder / name).write_text(text)
        self.prepare("ip", "link", "set", "lo", "up")

    def inside(self, *command):
        return ["ip", "netns", "exec", self.name, *map(str, command)]

    def prepare(self, *command):
        done = subprocess.run(self.inside(*command), capture_output=True, text=True)
        if done.returncode != 0:
            raise Skipped(f"`{shlex.join(command)}` does not work here: {done.stderr.strip()}")


_NAMESPACES = {}
SWITCH = "hosts: files\nservices: files\nprotocols: files\n"


def namespace(label, **files):
    if label not in _NAMESPACES:
        contents = {"nsswitch.conf": SWITCH, "resolv.conf": ""}
        contents |= {name.replace("_conf", ".conf"): text for name, text in files.items()}
        _NAMESPACES[label] = Namespace(label, contents)
    return _NAMESPACES[label]
