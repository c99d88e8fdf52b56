"""The workloads, the programs in each, and the bars."""
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
BUILT = HERE.parent / ".build" / "release"
CERTIFICATE = HERE.parent / ".build" / "tls" / "certificate.pem"
KEY = HERE.parent / ".build" / "tls" / "key.pem"


@dataclass(frozen=True)
class Variant:
    """A program: a server that prints its port, or a consumer of lines that gets a port as argument."""

    name: str
    command: list
    at_most: float | None = None   # highest ratio to the reference
    at_least: float | None = None  # lowest ratio to the variant `Workload.ours`
    at_most_more: float | None = None  # highest difference to the reference
    ceiling: float | None = None   # highest figure
    is_open: bool = False          # the bar was never met, so missing it is no regression


@dataclass(frozen=True)
class Workload:
    """A load and its variants. The first variant is the reference, and the second is the same program."""

    name: str
    title: str
    operation: str
    load: list
    variants: list
    figure: str = "cpu"            # the dividend per operation: cpu (ns) or memory (bytes)
    ours: str = ""                 # the variant to which peers are compared
    rounds: int | None = None      # a maximum for long runs that vary little
    behind: list | None = None     # a server whose port the variants get instead of {behind}
    reference: str = "C"           # what the ratios are to, in the header of the table

    @property
    def is_lines(self):
        return self.load[0] == "lines"

    @property
    def unit(self):
        return "CPU ns" if self.figure == "cpu" else "Bytes"


def program(name, *arguments):
    return [str(BUILT / name), *arguments]


def pingpong(duration, connections=64, depth=1):
    return ["pingpong", "--connections", str(connections), "--depth", str(depth), "--size", "64",
            "--duration", str(duration)]


def blocking(duration):
    """Returns the workloads with a thread per connection."""
    c, ours = program("c-echo"), program("swift-echo")
    c_limited, ours_limited = program("c-echo", "--timeout"), program("swift-echo", "--timeout")
    lines = ["lines", "--size", "81", "--total", str(int(2_000_000 * duration))]
    python_lines = [sys.executable, str(HERE / "python-lines"), "{port}"]
    return [
        Workload(
            "pp64", "Echo of 64 bytes, 64 connections, one blocking thread each", "round trip",
            pingpong(duration),
            [Variant("C", c), Variant("C again", c), Variant("Sockets", ours, at_most=1.05)],
        ),
        Workload(
            "pp64-timeout",
            "The same with a time limit of 30 s (C: SO_RCVTIMEO and SO_SNDTIMEO set once)",
            "round trip", pingpong(duration),
            [
                Variant("C", c_limited), Variant("C again", c_limited),
                Variant("Sockets", ours_limited, at_most=1.08),
            ],
        ),
        Workload(
            "bulk", "Bulk echo, 1 connection, both directions at once", "64 KiB",
            ["bulk", "--size", "65536", "--total", str(int(1024 * duration) << 20)],
            [Variant("C", c), Variant("C again", c), Variant("Sockets", ours)],
        ),
        Workload(
            "lines", "Reading lines of 80 bytes", "line", lines,
            [
                Variant("C getline", program("c-lines", "{port}")),
                Variant("C getline again", program("c-lines", "{port}")),
                Variant("Python readline, bytes", python_lines),
                Variant("Python readline, text", python_lines + ["--text"]),
                Variant("Sockets withLine, bytes", program("swift-lines", "{port}"), ceiling=20,
                        is_open=True),
                Variant(
                    "Sockets readLine, String", program("swift-lines", "{port}", "--text"),
                    ceiling=85),
                Variant(
                    "Connection withLine, bytes", program("swift-lines", "{port}", "--async"),
                    ceiling=20, is_open=True),
                Variant(
                    "Connection lines, String",
                    program("swift-lines", "{port}", "--async", "--text"), ceiling=110),
            ],
        ),
    ]


@dataclass(frozen=True)
class Field:
    """The servers of the suite `tasks`, each with one loop thread."""

    c: list = field(default_factory=lambda: program("c-epoll"))
    echo: list = field(default_factory=lambda: program("swift-async-echo", "echo"))
    loop: list = field(default_factory=lambda: program("swift-async-echo", "loop"))
    threads: list = field(default_factory=lambda: program("swift-echo"))
    handler: list = field(default_factory=lambda: program("nio-echo"))
    channel: list = field(default_factory=lambda: program("nio-async-echo"))
    flying: list = field(default_factory=lambda: program("flying-echo"))

    def variants(self, at_most, handler=None, channel=None, with_threads=True):
        result = [
            Variant("C epoll", self.c),
            Variant("C epoll again", self.c),
            Variant("Sockets, echo()", self.echo, at_most=at_most),
            Variant("Sockets, read and write", self.loop, at_most=at_most),
        ]
        if with_threads:
            result.append(Variant("Sockets, blocking threads", self.threads))
        return result + [
            Variant("SwiftNIO handler", self.handler, at_least=handler),
            Variant("NIOAsyncChannel", self.channel, at_least=channel),
            Variant("FlyingSocks", self.flying),
        ]


def tasks(duration):
    """Returns the workloads of event loops with one thread and armed deadlines and cancellation."""
    servers = Field()
    ours = "Sockets, echo()"
    datagrams = program("c-epoll", "--datagrams")
    churn = ["churn", "--connections", "16", "--total", str(int(10_000 * duration))]
    idle = ["idle", "--connections", str(5000 if duration >= 0.1 else 200)]

    def udp(name, title, depth, is_open=False):
        return Workload(
            name, title, "round trip",
            ["datagrams", "--depth", str(depth), "--size", "64", "--duration", str(duration)],
            [
                Variant("C epoll", datagrams),
                Variant("C epoll again", datagrams),
                Variant(
                    "Sockets, for await", program("swift-async-echo", "datagrams"), at_most=1.15,
                    is_open=is_open),
                Variant(
                    "Sockets, withReceived", program("swift-async-echo", "lent"), at_most=1.15,
                    is_open=is_open),
                Variant("SwiftNIO handler", program("nio-echo", "--datagrams")),
            ],
            ours="Sockets, for await",
        )

    return [
        Workload(
            "async64", "Echo of 64 bytes, 64 connections", "round trip", pingpong(duration),
            servers.variants(1.10, 1.25, 2.3), ours=ours),
        Workload(
            "async64x16", "Echo of 64 bytes, 64 connections, 16 in flight on each", "round trip",
            pingpong(duration, depth=16), servers.variants(1.10, 1.25, 2.3), ours=ours),
        Workload(
            "async1000", "Echo of 64 bytes, 1,000 connections", "round trip",
            pingpong(duration, connections=1000),
            servers.variants(1.20, 1.25, 2.3), ours=ours),
        Workload(
            "async-bulk", "Bulk echo, 8 connections, both directions at once", "64 KiB",
            ["bulk", "--connections", "8", "--size", "65536", "--total",
             str(int(1024 * duration) << 20)],
            servers.variants(1.10), ours=ours),
        Workload(
            "churn", "Connect, echo of 1 byte, close", "connection", churn,
            servers.variants(1.25), ours=ours),
        udp("udp", "UDP, echo of 64 bytes, 1 in flight", 1),
        udp("udp32", "UDP, echo of 64 bytes, 32 in flight", 32, is_open=True),
        Workload(
            "idle", "Memory of an idle connection", "connection", idle,
            [
                Variant("C epoll", servers.c),
                Variant("C epoll again", servers.c),
                Variant("Sockets, echo()", servers.echo, ceiling=3 * 1024),
                Variant("Sockets, read and write", servers.loop),
                Variant("SwiftNIO handler", servers.handler),
                Variant("NIOAsyncChannel", servers.channel),
                Variant("FlyingSocks", servers.flying),
            ],
            figure="memory", ours=ours, rounds=3),
    ]


def has_go():
    return shutil.which("go") is not None


def tls(duration):
    """Returns the workloads over TLS 1.3, for event loops with one thread."""
    ours, go, nio = "Sockets", "Go crypto/tls", "NIOSSL handler"
    pair, trusting = [str(CERTIFICATE), str(KEY)], ["--certificate", str(CERTIFICATE)]
    total = ["--size", "65536", "--total", str(int(1024 * duration) << 20)]
    handshakes = ["churn", "--connections", "16", "--total", str(int(2000 * duration))]

    def workload(name, title, operation, load, way="echo", go_bar=None, nio_bar=None,
                 figure="cpu", rounds=None, **bar):
        variants = [
            Variant("C epoll", program("c-tls", way, *pair)),
            Variant("C epoll again", program("c-tls", way, *pair)),
            Variant(ours, program("swift-async-echo", way, *pair), **bar),
            Variant(nio, program("nio-tls", way, *pair), at_least=nio_bar),
        ]
        if has_go():
            variants.append(Variant(go, program("go-tls", way, *pair), at_least=go_bar))
        return Workload(
            name, title, operation, load + trusting, variants, figure, ours, rounds)

    return [
        workload(
            "tls64", "TLS, echo of 64 bytes, 64 connections", "round trip", pingpong(duration),
            go_bar=1, nio_bar=1, at_most=1.08),
        workload(
            "tls-in", "TLS, bulk to the server, 1 connection", "64 KiB", ["sink", *total], "sink",
            go_bar=1, at_most=1.05),
        workload(
            "tls-out", "TLS, bulk from the server, 1 connection", "64 KiB", ["source", *total],
            "source", go_bar=1, at_most=1.05),
        workload(
            "tls-bulk", "TLS, bulk `echo()`, 1 connection, both directions at once", "64 KiB",
            ["bulk", *total], go_bar=1, at_most=1.05),
        workload(
            "handshake", "TLS, connect with a full handshake, echo of 1 byte, close", "connection",
            handshakes, go_bar=1, at_most=1.03, is_open=True),
        workload(
            "resume", "TLS, the same with a resumed session", "connection",
            [*handshakes, "--resume"], at_most=1.07),
        workload(
            "tls-idle", "TLS, memory of an idle connection", "connection",
            ["idle", "--connections", str(2000 if duration >= 0.1 else 200)], figure="memory",
            rounds=3, at_most_more=4096, is_open=True),
    ]


def relays(duration):
    """Returns the workloads of a relay between two TCP connections, in a process of its own."""
    total = ["--size", "65536", "--total", str(int(2048 * duration) << 20)]

    def workload(name, title, operation, load, way, at_most):
        copy, join = (program("swift-relay", way, "{behind}") for way in ("copy", "join"))
        blocking = program("swift-relay", "blocking", "{behind}")
        return Workload(
            name, title, operation, load,
            [
                Variant("Two calls of copy(to:)", copy),
                Variant("Two calls of copy(to:) again", copy),
                Variant("join", join, at_most=at_most),
                Variant("SocketStream.join", blocking),
            ],
            behind=program("swift-async-echo", way), reference="copy")

    return [
        workload(
            "relay-in", "Relay, bulk to the server, 1 connection", "64 KiB", ["sink", *total],
            "sink", 0.7),
        workload(
            "relay-out", "Relay, bulk from the server, 1 connection", "64 KiB",
            ["source", *total], "source", 0.7),
        workload(
            "relay-bulk", "Relay, bulk echo, 1 connection, both directions at once", "64 KiB",
            ["bulk", *total], "echo", 0.7),
        workload(
            "relay64", "Relay, echo of 64 bytes, 64 connections", "round trip",
            pingpong(duration), "echo", 1.05),
    ]


SUITES = {"blocking": blocking, "tasks": tasks, "relays": relays, "tls": tls}
