"""Both halves connect through microsocks, dante and tinyproxy, with and without a password."""
import os
import re
import socket

from support import LIMIT, Skipped, check, expect, free_port, scratch, sock_path, start, wait_bound

HALVES = ("blocking", "async")


def client(*arguments, env=None):
    program = sock_path().parent / "ProxyClient"
    if not program.is_file():
        raise Skipped(f"no program {program}; build all of the package")
    # The variables of the caller's environment must not choose a proxy.
    own = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    return start(program, *arguments, env=own | (env or {}))


def expect_connection(*proxies, host="localhost", env=None):
    """Both halves connect to a listener of this program through the proxies."""
    for half in HALVES:
        # The proxy chooses the family of the name.
        with socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as listener:
            listener.settimeout(LIMIT)
            port = listener.getsockname()[1]
            process = client(half, f"{host}:{port}", *proxies, env=env)
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                process.result().expect(0)  # shows why the client did not connect
                raise
            with connection:
                connection.settimeout(LIMIT)
                line = connection.recv(100)
                expect(line == b"hello\n", f"{half}: the target received {line!r}")
                connection.sendall(b"from the target")
            process.result().expect(0, out=b"from the target\n")


def expect_failure(reason, *proxies, target="localhost:1"):
    """Both halves report the proxy that failed, with the reason."""
    proxy = re.sub(r"//.*@", "//", proxies[-1])
    line = f"cannot connect to {target}: the proxy {proxy} {reason}\n"
    for half in HALVES:
        client(half, target, *proxies).result().expect(1, out_matches=re.escape(line).encode())


def microsocks(*options):
    port = free_port()
    start("microsocks", "-i", "127.0.0.1", "-p", port, *options)
    wait_bound(port)
    return port


def tinyproxy(*lines):
    port = free_port()
    path = scratch(f"tinyproxy-{port}.conf")
    with open(path, "w") as file:
        file.write("\n".join([f"Port {port}", "Listen 127.0.0.1", "Allow 127.0.0.1", "Timeout 60", *lines]) + "\n")
    start("tinyproxy", "-d", "-c", path)
    wait_bound(port)
    return port


def dante():
    port = free_port()
    path = scratch(f"danted-{port}.conf")
    with open(path, "w") as file:
        file.write(
            f"logoutput: stderr\ninternal: 127.0.0.1 port = {port}\nexternal: lo\n"
            "clientmethod: none\nsocksmethod: none\nuser.notprivileged: nobody\n"
            "client pass { from: 0/0 to: 0/0 }\n"
            "socks block { from: 0/0 to: 0/0 port = 2 }\n"
            "socks pass { from: 0/0 to: 0/0 protocol: tcp }\n"
        )
    start("danted", "-f", path)
    wait_bound(port)
    return port


@check("microsocks connects to names and addresses, and its reply reports a refused connection", "microsocks")
def _():
    proxy = f"socks5://127.0.0.1:{microsocks()}"
    expect_connection(proxy)
    expect_connection(proxy, host="127.0.0.1")
    expect_connection(proxy, host="[::1]")
    expect_failure("cannot connect: connection refused (SOCKS5 reply 5)", proxy)


@check("microsocks requires a user and a password, and refuses a wrong password", "microsocks")
def _():
    place = f"127.0.0.1:{microsocks('-u', 'alice', '-P', 'secret')}"
    expect_connection(f"socks5://alice:secret@{place}")
    expect_failure("requires a user and a password", f"socks5://{place}")
    expect_failure("refused the user or the password", f"socks5://alice:wrong@{place}")


# danted does not know the extension SOCKS4a: it connects to the address 0.0.0.1 that announces a name.
@check("danted connects with SOCKS4 and SOCKS5, and the error names a refusal by its rules", "danted", root=True)
def _():
    place = f"127.0.0.1:{dante()}"
    expect_connection(f"socks4://{place}", host="127.0.0.1")
    expect_connection(f"socks4://{place}")
    expect_connection(f"socks4a://{place}", host="127.0.0.1")
    expect_connection(f"socks5://{place}")
    expect_failure("does not allow the connection (SOCKS5 reply 2)", f"socks5://{place}", target="127.0.0.1:2")


@check("tinyproxy connects, and replies 403 for a port that it forbids", "tinyproxy")
def _():
    expect_connection(f"http://127.0.0.1:{tinyproxy()}")
    proxy = f"http://127.0.0.1:{tinyproxy('ConnectPort 443')}"
    expect_failure("replied 403 Access violation", proxy)


@check("tinyproxy requires a user and a password, and refuses a wrong password", "tinyproxy")
def _():
    place = f"127.0.0.1:{tinyproxy('BasicAuth alice secret')}"
    expect_connection(f"http://alice:secret@{place}")
    expect_failure("requires a user and a password", f"http://{place}")
    expect_failure("refused the user or the password", f"http://alice:wrong@{place}")


@check("a chain of microsocks and tinyproxy connects in both orders", "microsocks", "tinyproxy")
def _():
    socks = f"socks5://127.0.0.1:{microsocks()}"
    http = f"http://alice:secret@127.0.0.1:{tinyproxy('BasicAuth alice secret')}"
    expect_connection(socks, http)
    expect_connection(http, socks)


@check("the environment variables that curl uses choose the proxy", "microsocks", "tinyproxy")
def _():
    socks, http = microsocks("-u", "alice", "-P", "secret"), tinyproxy()
    variables = {"all_proxy": f"socks5h://alice:secret@127.0.0.1:{socks}", "http_proxy": "http://127.0.0.1:1"}
    expect_connection("environment", env=variables)
    # No program listens on port 1, so a connect through that proxy would fail.
    wrong = {"ALL_PROXY": "http://127.0.0.1:1"}
    expect_connection("environment", env=wrong | {"no_proxy": "example.com, localhost"})
    expect_connection("environment", env=wrong | {"all_proxy": f"127.0.0.1:{http}"})
