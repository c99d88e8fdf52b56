"""What the points of reliability have in common.

Each is a program of this folder. Without words it takes the full figures, with `--smoke` a short pass
of the same. What is wrong is said line by line; the last line is the figure, and the exit code 1 when
the promise was not kept.
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


class Point:
    """One run of one point: what went wrong, and how it ends."""

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
        # Being told to stop is no reason to leave processes and namespaces behind, nor to wait for
        # threads that wait for them.
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

    def wrong(self, problem):
        self.problems.append(problem)
        print(f"WRONG {problem}", flush=True)

    def expect(self, condition, problem):
        if not condition:
            self.wrong(problem)
        return condition

    def note(self, text):
        print(text, flush=True)

    def attempt(self, name, body, *arguments):
        """Runs a part; what it raises is one problem, and not the end of the other parts."""
        try:
            return body(*arguments)
        except Failed as reason:
            self.wrong(f"{name}: {reason}")
        except (OSError, ValueError, AttributeError, subprocess.SubprocessError) as error:
            self.wrong(f"{name}: {type(error).__name__}: {error}")
        return None

    def finish(self, figure):
        support.clean_up()
        seconds = time.monotonic() - self.began
        count = len(self.problems)
        verdict = f"; {count} {'thing' if count == 1 else 'things'} wrong" if count else ""
        print(f"{figure}{verdict} ({seconds:.0f} s)", flush=True)
        sys.exit(1 if count else 0)


def probe(*arguments):
    """The program of this package that uses the library's two halves."""
    program = sock_path().parent / "FaultProbe"
    if not program.is_file():
        sys.exit(f"no program {program}: it is built with sock")
    return [str(program), *map(str, arguments)]


def compiled(source, *flags):
    """A small C program, or library, of this folder."""
    product = scratch(Path(source).stem)
    command = ["cc", "-O2", "-Wall", *flags, "-o", product, str(HERE / source)]
    subprocess.run(command, check=True)
    return product


# What the kernel tells of a process


def field(pid, name):
    """A number of /proc/PID/status; sizes are in KiB."""
    text = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(rf"^{name}:\s+(\d+)", text, re.M).group(1))


def what_is_open(pid):
    """What the descriptors of a process stand for, without the timers of Swift's runtime, which it opens when
    it likes; the library has none."""
    found = []
    for name in os.listdir(f"/proc/{pid}/fd"):
        try:
            found.append(os.readlink(f"/proc/{pid}/fd/{name}"))
        except FileNotFoundError:
            pass
    return sorted(target for target in found if not target.startswith("anon_inode:[timerfd"))


def descriptors(pid):
    return len(what_is_open(pid))


def processor_seconds(pid):
    """What all threads of a process have used so far."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


def settles(reading, wanted, limit=5):
    """The last value of a reading that is to become what is wanted, in a while."""
    deadline = time.monotonic() + limit
    while (value := reading()) != wanted and time.monotonic() < deadline:
        time.sleep(0.02)
    return value


def quantile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * share))]


# Networks of one's own

_LIBC = ctypes.CDLL(None, use_errno=True)


_NEW_NETWORK = 0x40000000


def own_network():
    """Moves this process into a network namespace of its own, which ends with it."""
    if _LIBC.unshare(_NEW_NETWORK) != 0:
        raise OSError(ctypes.get_errno(), "unshare: needs root")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


def die_with_parent():
    """For a forked child that would go on for ever."""
    _LIBC.prctl(1, signal.SIGKILL)


def setting(name, value):
    """Sets a sysctl of this network."""
    Path("/proc/sys/" + name.replace(".", "/")).write_text(f"{value}\n")
