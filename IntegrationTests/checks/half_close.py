"""The end of input towards real servers: when `sock` half-closes, and when it goes on."""
import shutil
import socket
import socketserver
import threading
import time
from pathlib import Path

from support import (
    REPOSITORY, check, expect, expect_within, free_port, run, scratch, sock, sock_path, start, wait_bound,
)

REQUEST = b"GET / HTTP/1.0\r\n\r\n"


def serve(handle):
    """The port of a server on loopback that runs `handle` with the socket of each client."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self):
            handle(self.request)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


def stops_at_half_close(answer, delay):
    """A server that answers after `delay` seconds unless the client half-closes before that."""

    def handle(client):
        client.recv(1 << 16)
        client.settimeout(delay)
        try:
            if client.recv(1) == b"":
                return
        except socket.timeout:
            client.settimeout(None)
            client.sendall(answer)

    return serve(handle)


def received_to_end(received):
    """A server that reads to the end, then answers with the number of bytes."""

    def handle(client):
        count = 0
        while data := client.recv(1 << 16):
            count += len(data)
        received.append(count)
        client.sendall(b"%d" % count)

    return serve(handle)


@check("nginx answers even if its upstream takes 0.5 s", "nginx")
def _():
    def upstream(client):
        client.recv(1 << 16)
        time.sleep(0.5)
        client.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello")

    port, behind = free_port(), serve(upstream)
    folder = Path(scratch("nginx"))
    folder.mkdir(exist_ok=True)
    (folder / "nginx.conf").write_text(
        f"daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;\n"
        "events {}\n"
        f"http {{ access_log {folder}/access.log;\n"
        + "".join(
            f"{kind}_temp_path {folder}/{kind};\n"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        + f"server {{ listen 127.0.0.1:{port};\n"
        f"location / {{ proxy_pass http://127.0.0.1:{behind}; }} }} }}\n")
    start("nginx", "-p", folder, "-c", folder / "nginx.conf", "-e", folder / "error.log")
    wait_bound(port)
    result = run(*sock("127.0.0.1", port), stdin=REQUEST).expect(0, err=b"")
    expect(result.out.startswith(b"HTTP/1.1 200"), f"output {result.out!r}")
    expect(result.out.endswith(b"hello"), f"output {result.out!r}")


if shutil.which("go"):

    @check("a net/http server in Go answers even if its handler takes 0.5 s", "go")
    def _():
        program = Path(scratch("slow.go"))
        program.write_text("""package main
import ("fmt"; "net/http"; "os"; "time")
func main() {
    http.ListenAndServe(os.Args[1], http.HandlerFunc(
        func(w http.ResponseWriter, r *http.Request) {
            select {
            case <-r.Context().Done(): return
            case <-time.After(500 * time.Millisecond): fmt.Fprint(w, "hello")
            }
        }))
}
""")
        port = free_port()
        start("go", "run", program, f"127.0.0.1:{port}")
        wait_bound(port, limit=60)
        result = run(*sock("127.0.0.1", port), stdin=REQUEST).expect(0)
        expect(result.out.endswith(b"hello"), f"output {result.out!r}")


@check("nc.traditional, which exits at a half-close, answers a request unless sock has -N", "nc.traditional")
def _():
    for flags, answer in (([], b"answer\n"), (["-N"], b"")):
        port = free_port()
        server = start("nc.traditional", "-l", "-p", port)
        wait_bound(port)
        client = start(*sock(*flags, "127.0.0.1", port)).send(REQUEST).end_input()
        server.wait_for(REQUEST)
        # With -N, nc.traditional ends before it has anything to answer.
        if answer:
            server.send(answer).end_input()
        client.result().expect(0, out=answer, err=b"")


@check("40 MB from each nc arrive whole if the input is /dev/null", "nc.openbsd", "nc.traditional")
def _():
    path = scratch("40-megabytes")
    with open(path, "wb") as file:
        file.write(bytes(40_000_000))
    for server in ("nc.openbsd -N -l 127.0.0.1", "nc.traditional -q 5 -l -p"):
        port = free_port()
        start("bash", "-c", f"exec {server} {port} <{path}")
        wait_bound(port)
        script = f'"$0" 127.0.0.1 {port} </dev/null | wc -c'
        result = run("bash", "-c", script, sock_path()).expect(0, err=b"")
        expect(result.out.strip() == b"40000000", f"{server}: {result.out!r} bytes arrived")


@check("a server that stops at a half-close answers, and with -N a message explains the missing answer")
def _():
    port = stops_at_half_close(b"answer", 0.5)
    run(*sock("127.0.0.1", port), stdin=REQUEST).expect(0, out=b"answer", err=b"")
    run(*sock("--no-shutdown", "127.0.0.1", port), stdin=REQUEST).expect(0, out=b"answer", err=b"")
    result = run(*sock("-vN", "127.0.0.1", port), stdin=REQUEST).expect(0, out=b"")
    expect(b"--no-shutdown" in result.err, f"errors {result.err!r}")


@check("--half-close-after sets the time until the half-close")
def _():
    slow = stops_at_half_close(b"answer", 1.5)
    run(*sock("127.0.0.1", slow), stdin=REQUEST).expect(0, out=b"")
    run(*sock("--half-close-after", "2", "127.0.0.1", slow), stdin=REQUEST).expect(0, out=b"answer")
    port = received_to_end([])
    command = sock("--half-close-after=0.2", "127.0.0.1", port)
    expect_within(0.9, lambda: run(*command, stdin=b"hi").expect(0, out=b"2").seconds, at_least=0.2)


@check("the error about a reset after the half-close names --no-shutdown")
def _():
    def handle(client):
        while client.recv(1 << 16):
            pass
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.close()

    result = run(*sock("-N", "127.0.0.1", serve(handle)), stdin=REQUEST).expect(56, out=b"")
    expect(b"--no-shutdown" in result.err, f"errors {result.err!r}")


@check("a server that waits for the half-close answers within 1.1 s, and with -N at once")
def _():
    port = received_to_end([])
    def seconds_of(*flags):
        return run(*sock(*flags, "127.0.0.1", port), stdin=b"hi").expect(0, out=b"2", err=b"").seconds

    expect_within(1.25, seconds_of, at_least=1)
    expect_within(0.5, lambda: seconds_of("-N"))
    for flag, status in (("-w", 28), ("-q", 0)):
        # A limit of 1 s ends sock before the half-close, and a longer one leaves time for the answer.
        run(*sock(flag, "1", "127.0.0.1", port), stdin=b"hi").expect(status, out=b"")
        run(*sock(flag, "2", "127.0.0.1", port), stdin=b"hi").expect(0, out=b"2", err=b"")
        run(*sock(flag, "1", "-N", "127.0.0.1", port), stdin=b"hi").expect(0, out=b"2", err=b"")


@check("40 MB from a server that stops at a half-close arrive whole if there is no input")
def _():
    def handle(client):
        client.settimeout(0.3)
        for _ in range(40):
            client.settimeout(None)
            client.sendall(bytes(1_000_000))
            client.settimeout(0.001)
            try:
                if client.recv(1) == b"":
                    return
            except socket.timeout:
                pass

    port = serve(handle)
    script = f'"$0" 127.0.0.1 {port} </dev/null | wc -c'
    result = run("bash", "-c", script, sock_path()).expect(0, err=b"")
    expect(result.out.strip() == b"40000000", f"{result.out!r} bytes arrived")
    # The same with closed input and unreadable input.
    for redirection in ("<&-", "0>/dev/null"):
        script = f'"$0" 127.0.0.1 {port} {redirection} | wc -c'
        result = run("bash", "-c", script, sock_path()).expect(0, err=b"")
        expect(result.out.strip() == b"40000000", f"{redirection}: {result.out!r} bytes arrived")


@check("a slow reader of the output does not cause an early half-close")
def _():
    def handle(client):
        client.recv(1 << 16)
        for _ in range(20):
            client.sendall(bytes(200_000))
        client.settimeout(0.001)
        try:
            early = client.recv(1) == b""
        except socket.timeout:
            early = False
        client.settimeout(None)
        client.sendall(b"early" if early else b"later")

    port = serve(handle)
    script = f'echo hi | "$0" 127.0.0.1 {port} | (sleep 2; tail -c 5)'
    run("bash", "-c", script, sock_path()).expect(0, out=b"later", err=b"")


@check("sock -lk </dev/null prints the lines of three telnet clients", "telnet")
def _():
    port = free_port()
    server = start("bash", "-c", f'exec "$0" -lk 127.0.0.1 {port} </dev/null', sock_path())
    wait_bound(port)
    for number in range(3):
        client = start("telnet", "127.0.0.1", port)
        client.wait_for(rb"Escape character")
        client.send(f"line {number}\n".encode())
        server.wait_for(rf"line {number}\r\n".encode())
        client.end_input()


@check("sock -lk </dev/null prints the lines of each nc client", "nc.openbsd", "nc.traditional")
def _():
    port = free_port()
    server = start("bash", "-c", f'exec "$0" -lk 127.0.0.1 {port} </dev/null', sock_path())
    wait_bound(port)
    for client in (["nc.openbsd", "-N"], ["nc.traditional", "-q", "1"]):
        run(*client, "127.0.0.1", port, stdin=f"line of {client[0]}\n".encode()).expect(0, out=b"")
        server.wait_for(f"line of {client[0]}\n".encode())


@check("input that begins 3 s after the server's half-close arrives whole")
def _():
    counts = []

    def handle(client):
        client.shutdown(socket.SHUT_WR)
        count = 0
        while data := client.recv(1 << 16):
            count += len(data)
        counts.append(count)

    port = serve(handle)
    script = f'(sleep 3; head -c 1000000 /dev/zero; sleep 3; echo end) | "$0" 127.0.0.1 {port}'
    run("bash", "-c", script, sock_path()).expect(0, out=b"", err=b"")
    deadline = time.monotonic() + 5
    while not counts and time.monotonic() < deadline:
        time.sleep(0.01)
    expect(counts == [1_000_004], f"the server got {counts}")


@check("sock -l and -lk send input to an nc.openbsd that half-closed 3 s earlier", "nc.openbsd")
def _():
    for flag in ("-l", "-lk"):
        port = free_port()
        server = start(*sock(flag, "127.0.0.1", port))
        wait_bound(port)
        client = start("nc.openbsd", "-N", "127.0.0.1", port).send(b"hi\n").end_input()
        server.wait_for(rb"hi\n")
        time.sleep(3)
        server.send(b"dump\n").end_input()
        client.result().expect(0, out=b"dump\n")


@check("sock exits with 55 or 56, and never with 0, if the peer is gone while input remains")
def _():
    def handle(client):
        client.sendall(b"bye")

    script = f'(sleep 1; echo one; sleep 0.5; echo two; sleep 60) | "$0" 127.0.0.1 {serve(handle)}'
    result = run("bash", "-c", f'{script}; echo "status $?"; kill 0', sock_path(), limit=10)
    status = result.out.split()[-1]
    expect(status in (b"55", b"56"), f"output {result.out!r}, errors {result.err!r}")
