"""What the reliability checks share.

Each check is a program of this folder. Without arguments it does the full measurement, and with `--smoke` a short
pass. It prints a line per problem. Its last line contains the figures, and its exit code is 1 if a promise was broken.
"""
import argparse
import ctypes
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
sys.dont_write_bytecode = True

import support  # noqa: E402
from support import Failed, scratch, sock_path  # noqa: E402


class Check:
    """A run of a check: its options, its problems and its result."""

    def __init__(self, description, **more):
        parser = argparse.ArgumentParser(description=description.split("\n")[0])
        parser.add_argument("--smoke", action="store_true", help="a short pass")
        for name, settings in more.items():
            parser.add_argument(f"--{name}", **settings)
        self.options = parser.parse_args()
        self.smoke = self.options.smoke
        self.problems = []
        self.began = time.monotonic()
        if not sock_path().is_file():
            sys.exit(f"no program {sock_path()}; run `swift build` first or set SOCK")
        # A signal must not leave processes and namespaces behind, and must not wait for threads that wait
        # for those processes.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.stop)

    @staticmethod
    def stop(number, _):
        support.clean_up()
        os._exit(128 + number)

    def need(self, *programs, root=False):
        for program in programs:
            if shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin:/sbin") is None:
                sys.exit(f"no program {program}")
        if root and os.geteuid() != 0:
            sys.exit("needs root")

    def fail(self, problem):
        self.problems.append(problem)
        print(f"PROBLEM {problem}", flush=True)

    def expect(self, condition, problem):
        if not condition:
            self.fail(problem)
        return condition

    def note(self, text):
        print(text, flush=True)

    def attempt(self, name, body, *arguments):
        """Runs a part. An exception is recorded as a problem and does not prevent the other parts."""
        try:
            return body(*arguments)
        except Failed as reason:
            self.fail(f"{name}: {reason}")
        except (OSError, ValueError, AttributeError, subprocess.SubprocessError) as error:
            self.fail(f"{name}: {type(error).__name__}: {error}")
        return None

    def finish(self, figure):
        support.clean_up()
        seconds = time.monotonic() - self.began
        count = len(self.problems)
        verdict = f"; {count} {'problem' if count == 1 else 'problems'}" if count else ""
        print(f"{figure}{verdict} ({seconds:.0f} s)", flush=True)
        sys.exit(1 if count else 0)


def probe(*arguments):
    """The command of the program that uses the blocking and the async API."""
    program = sock_path().parent / "FaultProbe"
    if not program.is_file():
        sys.exit(f"no program {program}: it is built with sock")
    return [str(program), *map(str, arguments)]


def compiled(source, *flags):
    """Compiles a C program or library of this folder and returns its path."""
    product = scratch(Path(source).stem)
    command = ["cc", "-O2", "-Wall", *flags, "-o", product, str(HERE / source)]
    subprocess.run(command, check=True)
    return product


# What the kernel reports about a process


def field(pid, name):
    """Returns a number of /proc/PID/status. Sizes are in KiB."""
    text = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(rf"^{name}:\s+(\d+)", text, re.M).group(1))


def open_files(pid):
    """Returns the targets of a process's descriptors.

    Timers are left out, because Swift's runtime opens them at any time and the library has none.
    """
    found = []
    for name in os.listdir(f"/proc/{pid}/fd"):
        try:
            found.append(os.readlink(f"/proc/{pid}/fd/{name}"))
        except FileNotFoundError:
            pass
    return sorted(target for target in found if not target.startswith("anon_inode:[timerfd"))


def descriptors(pid):
    return len(open_files(pid))


def cpu_seconds(pid):
    """Returns the CPU time of all threads of a process."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


def settles(reading, wanted, limit=5):
    """Reads until the wanted value appears or the limit passes, and returns the last value."""
    deadline = time.monotonic() + limit
    while (value := reading()) != wanted and time.monotonic() < deadline:
        time.sleep(0.02)
    return value


def quantile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * share))]


# Network namespaces

_LIBC = ctypes.CDLL(None, use_errno=True)


_NEW_NETWORK = 0x40000000


def enter_network_namespace():
    """Moves this process into a new network namespace, which ends with the process."""
    if _LIBC.unshare(_NEW_NETWORK) != 0:
        raise OSError(ctypes.get_errno(), "unshare: needs root")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


def die_with_parent():
    """Ends a forked child together with its parent."""
    _LIBC.prctl(1, signal.SIGKILL)


def setting(name, value):
    """Sets a sysctl of this network namespace."""
    Path("/proc/sys/" + name.replace(".", "/")).write_text(f"{value}\n")
