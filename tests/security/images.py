"""What do hostile images cost their reader? `make attack`, or with ATTACK='--count 20000 --seed 1'.

Each file is decoded and made into a thumbnail, as an upload is: a crafted one in a process of its own, the mutated ones
in a row. Printed are the slowest call in seconds of the thread's processor time, and the memory that was added at the
peak.
"""

from __future__ import annotations

import argparse
import multiprocessing
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from hostile_images import crafted, mutated

from app.errors import FoveaError
from app.inference.image.decode import decode
from app.inference.image.thumbnail import thumbnail

SECONDS, MEGABYTES = 2.0, 500  # that no file may cost
CALLS: dict[str, Callable[[bytes], object]] = {"decode": lambda data: decode(data, 224), "thumbnail": thumbnail}


def main() -> None:
    """Print a Markdown table; leave with 1 when a file costs more than the limits, or breaks its reader."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--count", type=int, default=2000, help="mutated files")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    print("| file | bytes | answer | s | MB |\n| --- | ---: | --- | ---: | ---: |")
    failed = False
    # fresh processes, because the peak of a process never falls
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        for name, data in crafted():
            answer, seconds, megabytes = pool.apply(cost, (data,))
            failed |= seconds > SECONDS or megabytes > MEGABYTES or answer.startswith("broke")
            print(f"| {name} | {len(data):,} | {answer} | {seconds:.2f} | {megabytes:.0f} |", flush=True)
    worst, broken = _mutated(list(mutated(options.count, options.seed)))
    print(f"\n{options.count} mutated files: the slowest {worst:.2f} s, {len(broken)} broke their reader: {broken[:3]}")
    raise SystemExit(bool(failed or broken or worst > SECONDS))


def cost(data: bytes) -> tuple[str, float, float]:
    """Return the answer in a few words, the seconds of the slowest call and the megabytes that it added at its peak."""
    before, worst, answer = _peak(), 0.0, ""
    for name, call in CALLS.items():
        started = time.thread_time()
        try:
            call(data)
            answer = answer or "read"
        except FoveaError as error:
            answer = str(error).partition(". ")[0]
        except BaseException as error:  # noqa: BLE001 - the reader must not let any through
            answer = f"broke {name}: {error!r}"
        worst = max(worst, time.thread_time() - started)
    return answer, worst, _peak() - before


def _mutated(files: Sequence[tuple[str, bytes]]) -> tuple[float, list[str]]:
    found = [(name, *cost(data)) for name, data in files]
    return max(seconds for _, _, seconds, _ in found), [
        name for name, answer, *_ in found if answer.startswith("broke")
    ]


def _peak() -> float:
    found = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())
    return int(found[1]) / 1024 if found else 0.0


if __name__ == "__main__":
    main()
