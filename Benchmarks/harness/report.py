"""Formats tables: medians, intervals, ratios within rounds, and whether the bars are met."""
import datetime
import math
import os
import platform
import statistics
import subprocess

from .running import LOAD_CPU, SERVER_CPU


def interval(values):
    """Returns the median's 95 % interval by order statistics, or the range of fewer than 6 values."""
    ordered = sorted(values)
    count = len(ordered)
    skip, tail = 0, 0.0
    while True:
        tail += math.comb(count, skip) / 2**count
        if 2 * tail > 0.05 or 2 * skip + 2 >= count:
            break
        skip += 1
    skip = max(0, skip - 1)
    return ordered[skip], ordered[-1 - skip]


def spread(values, digits):
    low, high = interval(values)
    return f"{statistics.median(values):.{digits}f} ({low:.{digits}f}–{high:.{digits}f})"


def judge(bar, values, is_floor=False):
    """Returns whether the interval reaches the bar, and the same as text."""
    low, high = interval(values)
    median = statistics.median(values)
    met = high >= bar if is_floor else low <= bar
    clearly = median >= bar if is_floor else median <= bar
    return met, "met" if clearly else "met by the interval" if met else "**not met**"


def ratios(values, base):
    # The reference may use no memory.
    return [value / other if other else math.inf for value, other in zip(values, base)]


def verdict(workload, variant, results):
    """Returns the bar of a variant as text, whether it is met, and the result as text."""
    values = results[variant.name]
    if variant.ceiling is not None:
        unit = "ns" if workload.figure == "cpu" else "bytes"
        return f"≤ {variant.ceiling:g} {unit}", *judge(variant.ceiling, values)
    if variant.at_most is not None:
        reference = results[workload.variants[0].name]
        return f"≤ {variant.at_most:.2f}", *judge(variant.at_most, ratios(values, reference))
    if variant.at_most_more is not None:
        reference = results[workload.variants[0].name]
        more = [value - other for value, other in zip(values, reference)]
        return f"≤ C + {variant.at_most_more:g} bytes", *judge(variant.at_most_more, more)
    if variant.at_least is not None:
        against = ratios(values, results[workload.ours])
        met, words = judge(variant.at_least, against, is_floor=True)
        return f"≥ {variant.at_least:.2f} × ours", met, words
    return "", True, ""


def table(workload, results):
    """Returns the table of a workload, and whether all bars are met that are not open."""
    reference = results[workload.variants[0].name]
    peers = workload.ours != ""
    rows = [
        f"### {workload.title}",
        "",
        f"| `{workload.name}` | {workload.unit} per {workload.operation} | least | ratio to {workload.reference} "
        + ("| ratio to ours " if peers else "") + "| bar | |",
        "|---|---|---|---|---|---|" + ("---|" if peers else ""),
    ]
    met_all = True
    for variant in workload.variants:
        values = results[variant.name]
        digits = 1 if statistics.median(values) < 1000 else 0
        bar, met, words = verdict(workload, variant, results)
        if variant.is_open:
            words = words if met else "not met yet"
        else:
            met_all = met_all and met
        cells = [variant.name, spread(values, digits), f"{min(values):.{digits}f}"]
        if values is reference:
            cells.append("1")
        elif min(reference) == 0:
            cells.append("")
        else:
            cells.append(spread(ratios(values, reference), 3))
        if peers:
            cells.append(
                "1" if variant.name == workload.ours
                else f"{statistics.median(ratios(values, results[workload.ours])):.2f}")
        rows.append("| " + " | ".join([*cells, bar, words]) + " |")
    return "\n".join(rows) + "\n", met_all


def heading(rounds, others, seconds, versions):
    model = next(
        (line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if "model name" in line),
        platform.machine(),
    )
    swift = subprocess.run(["swift", "--version"], capture_output=True, text=True).stdout
    swift = next((line for line in swift.splitlines() if "version" in line), "Swift")
    software = " · ".join([swift.strip(), f"Python {platform.python_version()}", *versions])
    return (
        f"{datetime.date.today()} · {model}, {os.cpu_count()} CPUs, Linux {platform.release()} · "
        f"{software} · {rounds} rounds in {seconds:.0f} s\n\n"
        "CPU time of the measured process per operation: median of the rounds (95 % interval), the "
        "cheapest round, and the median of the ratios taken within each round. Server on CPU "
        f"{SERVER_CPU}, load on CPU {LOAD_CPU}. Other programs used {others:.0%} of the machine "
        "meanwhile.\n"
    )
