"""What the suite `tls` needs besides the other suites: OpenSSL, a certificate, and Go if it is installed."""
import os
import shutil
import subprocess
from pathlib import Path

from .workloads import BUILT, CERTIFICATE, KEY, has_go

# The manifest contains the programs of the suite only if this variable is set.
ENVIRONMENT = {**os.environ, "SOCKETS_BENCHMARK_TLS": "1"}


def missing():
    """Returns what the machine lacks to build and run the suite, or an empty text."""
    if not Path("/usr/include/openssl/ssl.h").exists():
        return "OpenSSL's headers are missing; install them with: apt-get install libssl-dev"
    if not shutil.which("openssl"):
        return "openssl is missing; install it with: apt-get install openssl"
    return ""


def make_certificate():
    """Creates a self-signed certificate, which the load trusts, and its key."""
    CERTIFICATE.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost",
         "-keyout", str(KEY), "-out", str(CERTIFICATE)],
        check=True, stderr=subprocess.DEVNULL)


def build_go(package):
    if not has_go():
        return
    command = ["go", "build", "-o", str(BUILT / "go-tls"),
               str(package / "Sources" / "go-tls" / "main.go")]
    if subprocess.run(command).returncode != 0:
        raise SystemExit("the build of go-tls failed")


def versions():
    """Returns the versions of OpenSSL and Go."""
    tools = [["openssl", "version"]] + ([["go", "version"]] if has_go() else [])
    return [subprocess.run(tool, capture_output=True, text=True).stdout.strip() for tool in tools]
