"""Counting the user instructions of a program with valgrind's callgrind."""
import collections
import dataclasses
import math
import os
import re
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from .running import first_line, stop
from .workloads import CERTIFICATE, KEY

# Valgrind slows a program down about fifty times, and other work on the machine adds to that.
START_LIMIT = 120
RUN_LIMIT = 600


class NotCounted(Exception):
    """The program or its load failed."""


@dataclass(frozen=True)
class Counted:
    """A program, the load that drives it, and how many operations its two runs perform."""

    name: str
    title: str
    operation: str
    command: list        # program and arguments; {port} is where it connects, {count} is how often
    load: list           # what `load` does; empty if the program connects to the C server
    few: int             # operations of the short run
    many: int            # operations of the long run
    rounds: int = 1      # more where timing decides how much one system call brings
    reference: list = ()  # the same in C, without --before
    at_most: float = math.inf     # highest ratio to `reference`


def counted_workloads(scale=1.0):
    """The workloads; `scale` shortens them."""

    def workload(
        name, title, command, load, many, operation="round trip", rounds=1, reference=(),
        at_most=math.inf):
        many = max(640, int(many * scale))
        return Counted(
            name, title, operation, command, load, many // 8, many, rounds if scale == 1 else 1,
            reference, at_most)

    echo = ["swift-async-echo", "echo"]
    lines = ["lines", "--size", "81"]

    def pingpong(depth=1):
        return ["pingpong", "--connections", "64", "--depth", str(depth), "--size", "64"]

    def datagrams(depth):
        return ["datagrams", "--depth", str(depth), "--size", "64"]

    def tls(name, title, way, load, many, operation, at_most=math.inf):
        pair = [str(CERTIFICATE), str(KEY)]
        return workload(
            name, title, ["swift-async-echo", way, *pair],
            [*load, "--certificate", str(CERTIFICATE)], many, operation,
            reference=["c-tls", way, *pair], at_most=at_most)

    # The load counts the bytes of a bulk transfer as operations of this size.
    byte = ["--size", "1"]
    handshakes = ["churn", "--connections", "16", "--warmup", "0"]

    def consumer(*flags):
        return ["swift-lines", "{port}", *flags]

    return [
        workload("echo", "64 connections, `echo()`", echo, pingpong(), 32_000),
        workload(
            "read-write", "64 connections, `read` and `write`", ["swift-async-echo", "loop"],
            pingpong(), 32_000),
        workload(
            "received", "64 connections, `withReceived` and `write`",
            ["swift-async-echo", "received"], pingpong(), 32_000),
        workload(
            "echo-d16", "64 connections, 16 messages in flight on each, `echo()`", echo,
            pingpong(16), 256_000),
        workload(
            "churn", "Connect, `echo()` of 1 byte, close", echo,
            ["churn", "--connections", "16", "--warmup", "0"], 4_000, "connection"),
        workload(
            "connect", "`Connection(to:)` and `close`",
            ["swift-connect", "{port}", "{count}", "--async"], [], 2_000, "connection"),
        workload(
            "udp1", "UDP, 1 datagram in flight, `for await`", ["swift-async-echo", "datagrams"],
            datagrams(1), 16_000),
        workload(
            "udp32", "UDP, 32 datagrams in flight, `for await`",
            ["swift-async-echo", "datagrams"], datagrams(32), 32_000, rounds=5),
        workload(
            "udp32-received", "UDP, 32 datagrams in flight, `withReceived` and `reply`",
            ["swift-async-echo", "lent"], datagrams(32), 32_000, rounds=5),
        workload(
            "lines", "`Connection.withLine`, lines of 80 bytes", consumer("--async"), lines,
            800_000, "line", rounds=5),
        workload(
            "lines-text", "`Connection.lines`, lines of 80 bytes", consumer("--async", "--text"),
            lines, 200_000, "line", rounds=5),
        workload(
            "blocking", "64 threads, `Socket.receive` and `sendAll`", ["swift-echo"], pingpong(),
            32_000),
        workload(
            "blocking-timeout", "64 threads, the same with a timeout of 30 s",
            ["swift-echo", "--timeout"], pingpong(), 32_000),
        workload(
            "blocking-connect", "`Socket(to:)` and `close`",
            ["swift-connect", "{port}", "{count}"], [], 2_000, "connection"),
        workload(
            "blocking-lines", "`SocketStream.withLine`, lines of 80 bytes", consumer(), lines,
            800_000, "line"),
        workload(
            "blocking-lines-text", "`SocketStream.readLine`, lines of 80 bytes",
            consumer("--text"), lines, 200_000, "line"),
        # No bar, because most of the CPU time is spent in the kernel and not counted.
        tls("tls64", "TLS, 64 connections, `echo()`", "echo", pingpong(), 16_000, "round trip"),
        tls("tls-in", "TLS, `withReceived`", "sink", ["sink", *byte], 64 << 20, "byte", 1.05),
        tls("tls-out", "TLS, `write`", "source", ["source", *byte], 64 << 20, "byte", 1.05),
        tls("tls-bulk", "TLS, bulk `echo()`", "echo", ["bulk", *byte], 64 << 20, "byte", 1.05),
        tls("handshake", "TLS, full handshake, `echo()` of 1 byte, close", "echo", handshakes,
            800, "connection", 1.03),
        tls("resume", "TLS, the same with a resumed session", "echo",
            [*handshakes, "--resume"], 800, "connection", 1.07),
    ]


class Programs:
    """The built programs of one checkout, without their debug information."""

    def __init__(self, package, copies):
        self.built = package / ".build" / "release"
        self.copies = Path(copies)

    def path(self, name):
        # Valgrind 3.19 cannot read the debug information of Swift programs.
        copy = self.copies / name
        if not copy.exists():
            subprocess.run(["strip", "-g", "-o", str(copy), str(self.built / name)], check=True)
        return str(copy)

    def command(self, command, port="", count=0):
        name, *arguments = command
        values = {"{port}": port, "{count}": str(count)}
        return [self.path(name), *(values.get(word, word) for word in arguments)]


def reference_of(workload):
    """The same workload with the C program."""
    return dataclasses.replace(workload, command=workload.reference, reference=())


def count(workload, programs, load):
    """The user instructions of one operation, by function: the median of the rounds."""
    rounds = [count_once(workload, programs, load) for _ in range(workload.rounds)]
    return sorted(rounds, key=collections.Counter.total)[len(rounds) // 2]


def count_once(workload, programs, load):
    """Subtracts a short run from a long one, so that starting and ending cancel out."""
    short = run(workload, programs, load, workload.few)
    long = run(workload, programs, load, workload.many)
    operations = workload.many - workload.few
    return collections.Counter(
        {name: (long[name] - short[name]) / operations for name in short.keys() | long.keys()})


def run(workload, programs, load, operations):
    """The instructions of each function in one run under callgrind."""
    with tempfile.TemporaryDirectory() as folder:
        out, log = Path(folder) / "callgrind.out", Path(folder) / "valgrind.log"
        callgrind = [
            "valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", f"--log-file={log}"]
        try:
            if not workload.load:
                drive_client(workload, programs, callgrind, load.parent / "c-epoll", operations)
            else:
                drive = drive_consumer if workload.load[0] == "lines" else drive_server
                driver = [str(load), *workload.load, "--total", str(operations)]
                drive(workload, programs, callgrind, driver)
        except (SystemExit, subprocess.TimeoutExpired) as problem:
            text = log.read_text(errors="replace").strip() if log.exists() else ""
            raise NotCounted(f"{problem}\n{text[-500:]}") from problem
        if not out.exists():
            raise NotCounted(f"callgrind wrote nothing: {log.read_text(errors='replace')[-500:]}")
        return instructions_by_function(out)


def start(command):
    # Seeds of hash tables that differ between runs would be counted as differences.
    environment = {**os.environ, "SWIFT_DETERMINISTIC_HASHING": "1"}
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


def drive_server(workload, programs, callgrind, driver):
    server = start(callgrind + programs.command(workload.command))
    try:
        port = first_line(server, workload.command[0], START_LIMIT)
        driven = subprocess.run(
            [*driver, "--port", port, "--server", str(server.pid)], stdout=subprocess.DEVNULL,
            timeout=RUN_LIMIT)
        if driven.returncode != 0:
            raise SystemExit("the load failed")
        end(server)
    finally:
        stop(server)


def drive_consumer(workload, programs, callgrind, driver):
    feeder = subprocess.Popen(driver, stdout=subprocess.PIPE, text=True)
    try:
        port = first_line(feeder, "the feeder")
        consumer = start(callgrind + programs.command(workload.command, port))
        try:
            if feeder.wait(timeout=RUN_LIMIT) != 0:
                raise SystemExit("the load failed")
            end(consumer)
        finally:
            stop(consumer)
    finally:
        stop(feeder)


def drive_client(workload, programs, callgrind, server_path, operations):
    server = subprocess.Popen([str(server_path)], stdout=subprocess.PIPE, text=True)
    try:
        port = first_line(server, "the C server")
        client = start(callgrind + programs.command(workload.command, port, operations))
        try:
            if client.wait(timeout=RUN_LIMIT) != 0:
                raise SystemExit("the client failed")
        finally:
            stop(client)
    finally:
        stop(server)


def end(process):
    """Ends a program once it has done everything that the load caused."""
    idle = 0
    while idle < 10 and process.poll() is None:
        idle = idle + 1 if is_asleep(process.pid) else 0
        time.sleep(0.02)
    process.terminate()
    process.wait(timeout=60)


def is_asleep(pid):
    for status in Path(f"/proc/{pid}/task").glob("*/stat"):
        try:
            state = status.read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue  # the thread has ended
        if state not in "SZX":
            return False
    return True


def instructions_by_function(path):
    """The costs that callgrind attributes to each function itself."""
    names, costs = {}, collections.Counter()
    function, is_call = "", False
    with path.open(errors="replace") as lines:
        for line in lines:
            if naming := re.match(r"(c?)fn=\((\d+)\)(?: (.*))?", line):
                called, number, name = naming.groups()
                if name:
                    names[number] = name
                if not called:
                    function = number
            elif line.startswith("calls="):
                # The next line holds what the called function cost, which is counted there.
                is_call = True
            elif line[0] in "0123456789+-*":
                if is_call:
                    is_call = False
                else:
                    costs[function] += int(line.split()[1])
    by_name = collections.Counter()
    for number, cost in costs.items():
        by_name[names.get(number, number)] += cost
    return by_name
