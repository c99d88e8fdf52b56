"""Starts programs, puts load on them, and measures them."""
import json
import os
import select
import subprocess
import sys
from pathlib import Path

from .workloads import BUILT

LOAD = BUILT / "load"
SERVER_CPU, LOAD_CPU = 0, 1


def build(package, products=(), environment=None):
    """Builds a Benchmarks package, or only some of its products."""
    # The package manager does not notice new files in the package that this one depends on.
    (package / "Package.swift").touch()
    command = ["swift", "build", "-c", "release", "--package-path", str(package)]
    for options in [["--product", product] for product in products] or [[]]:
        if subprocess.run(command + options, stdout=sys.stderr, env=environment).returncode != 0:
            raise SystemExit(f"the build of {package} failed")


def pinned(cpu):
    if len(os.sched_getaffinity(0)) < 2:
        return None
    return lambda: os.sched_setaffinity(0, {cpu})


def start(command, cpu):
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, preexec_fn=pinned(cpu))


def first_line(process, name, seconds=10):
    # A server without output must not block the run.
    ready, _, _ = select.select([process.stdout], [], [], seconds)
    line = process.stdout.readline().strip() if ready else ""
    if not line.isdigit():
        raise SystemExit(f"run: {name} did not print its port")
    return line


def stop(process):
    process.kill()
    process.wait()
    process.stdout.close()


def run_server(workload, variant):
    if workload.behind is None:
        return run_load(workload, variant, variant.command)
    behind = start(workload.behind, LOAD_CPU)
    try:
        port = first_line(behind, "the server behind")
        command = [word.replace("{behind}", port) for word in variant.command]
        return run_load(workload, variant, command)
    finally:
        stop(behind)


def run_load(workload, variant, command):
    server = start(command, SERVER_CPU)
    try:
        port = first_line(server, variant.name)
        load = [str(LOAD), *workload.load, "--port", port, "--server", str(server.pid)]
        result = subprocess.run(
            load, stdout=subprocess.PIPE, text=True, timeout=120, preexec_fn=pinned(LOAD_CPU)
        )
    finally:
        stop(server)
    if result.returncode != 0:
        raise SystemExit(f"run: {workload.name} with {variant.name} failed")
    return json.loads(result.stdout)


def run_lines(workload, variant):
    feeder = start([str(LOAD), *workload.load], LOAD_CPU)
    try:
        port = first_line(feeder, "the feeder")
        command = [word.replace("{port}", port) for word in variant.command]
        consumer = start(command, SERVER_CPU)
        try:
            if feeder.wait(timeout=120) != 0:
                raise SystemExit(f"run: {workload.name} with {variant.name} failed")
            answer = feeder.stdout.readline()
        finally:
            stop(consumer)
    finally:
        stop(feeder)
    return json.loads(answer)


def machine_busy():
    """Returns the busy and the total CPU seconds of the machine."""
    fields = [int(field) for field in Path("/proc/stat").read_text().split("\n")[0].split()[1:9]]
    tick = os.sysconf("SC_CLK_TCK")
    idle = fields[3] + fields[4]
    return (sum(fields) - idle) / tick, sum(fields) / tick


def measure(chosen, rounds):
    """Returns the figures as {workload: {variant: [one per round]}}, and the share of other programs."""
    results = {w.name: {v.name: [] for v in w.variants} for w in chosen}
    busy_before, all_before = machine_busy()
    own_before = os.times()
    for turn in range(rounds):
        for workload in chosen:
            if workload.rounds is not None and turn >= workload.rounds:
                continue
            count = len(workload.variants)
            for offset in range(count):
                variant = workload.variants[(turn + offset) % count]
                run = run_lines if workload.is_lines else run_server
                outcome = run(workload, variant)
                figure = outcome[workload.figure] / outcome["operations"]
                results[workload.name][variant.name].append(figure)
        print(f"round {turn + 1} of {rounds}", file=sys.stderr, flush=True)
    busy, total = machine_busy()
    own = os.times()
    ours = sum(own[:4]) - sum(own_before[:4])
    others = max(0.0, (busy - busy_before) - ours) / max(total - all_before, 1e-9)
    return results, others
