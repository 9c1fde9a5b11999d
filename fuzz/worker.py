"""One target in a process of its own, with a limit of memory and a limit of time for each input."""

from __future__ import annotations

import argparse
import importlib.util
import json
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from types import FrameType

from fuzz import mutation

# Beyond what the process holds when everything is imported.
MEMORY = 1 << 30
SECONDS = 5.0
LONGEST = 1 << 14


class TooSlow(BaseException):
    """An input took longer than `SECONDS`; no handler of the product's catches it."""


class Watch:
    """Runs a target, counts, and keeps the first input of each kind of finding."""

    def __init__(self, run: Callable[[bytes], None], folder: Path, name: str) -> None:
        self.run = run
        self.folder = folder
        self.name = name
        self.inputs = 0
        self.slowest = 0.0
        self.findings: dict[str, str] = {}
        self.started = self.told = time.monotonic()
        self.cpu = time.process_time()
        signal.signal(signal.SIGALRM, self._alarm)

    def __call__(self, data: bytes) -> None:
        """Run one input; nothing is raised."""
        began = time.monotonic()
        signal.setitimer(signal.ITIMER_REAL, SECONDS)
        try:
            self.run(data)
        except (Exception, TooSlow) as error:
            self._keep(data, error)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        now = time.monotonic()
        self.inputs += 1
        self.slowest = max(self.slowest, now - began)
        if now - self.told > 1:
            self.tell(now)

    def tell(self, now: float) -> None:
        """Write the counts; the engine may end the process at any moment."""
        self.told = now
        facts = {
            "inputs": self.inputs,
            "seconds": round(now - self.started, 1),
            "cpu_seconds": round(time.process_time() - self.cpu, 1),
            "slowest": round(self.slowest, 3),
            "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
            "findings": self.findings,
        }
        (self.folder / f"{self.name}.json").write_text(json.dumps(facts), "utf-8")

    def _keep(self, data: bytes, error: BaseException) -> None:
        frames = traceback.extract_tb(error.__traceback__)
        ours = [f for f in frames if "/isogloss/" in f.filename] or frames
        # A kind is where it happened; what is slow is cut off anywhere.
        place = "" if isinstance(error, TooSlow) else f"{ours[-1].filename}:{ours[-1].lineno}"
        kind = f"{type(error).__name__} {place.rpartition('/isogloss/')[2]}".strip()
        if kind in self.findings:
            return
        path = self.folder / f"{self.name}-{sha256(data).hexdigest()[:12]}"
        path.write_bytes(data)
        path.with_suffix(".txt").write_text("".join(traceback.format_exception(error)), "utf-8")
        self.findings[kind] = path.name

    def _alarm(self, number: int, frame: FrameType | None) -> None:
        raise TooSlow


def limit_memory() -> None:
    """Refuse the process more than `MEMORY` beyond what it holds now."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def main() -> None:
    """Fuzz the target that the arguments name."""
    parser = argparse.ArgumentParser()
    parser.add_argument("name")
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--seconds", type=int, required=True)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    atheris = importlib.util.find_spec("atheris")
    if atheris is None:
        from fuzz.seeds import SEEDS, WORDS
        from fuzz.targets import target

        watch = Watch(target(asked.name), asked.folder, asked.name)
        limit_memory()
        mutation.fuzz(
            watch, SEEDS[asked.name], WORDS[asked.name], seconds=asked.seconds, seed=asked.seed
        )
        watch.tell(time.monotonic())
    else:
        with_atheris(asked.name, asked.folder, asked.seconds, asked.seed)


def with_atheris(name: str, folder: Path, seconds: int, seed: int) -> None:
    """Let libFuzzer choose the inputs, by the coverage of isogloss and of the YAML reader."""
    import atheris

    with atheris.instrument_imports(include=["isogloss", "yaml"], enable_loader_override=False):
        from fuzz.targets import target
    from fuzz.seeds import SEEDS, WORDS

    work = Path(tempfile.mkdtemp(prefix=f"isogloss-corpus-{name}-"))
    for number, data in enumerate(SEEDS[name]):
        (work / f"seed-{number}").write_bytes(data)
    words = ("".join(f"\\x{byte:02x}" for byte in word) for word in WORDS[name])
    dictionary = work.with_suffix(".dict")
    dictionary.write_text("".join(f'"{word}"\n' for word in words))
    watch = Watch(target(name), folder, name)
    limit_memory()
    options = {
        "max_total_time": seconds,
        "max_len": LONGEST,
        "seed": seed + 1,
        "dict": dictionary,
        "timeout": 0,
        "rss_limit_mb": 0,
        "verbosity": 0,
        "print_final_stats": 0,
    }
    flags = [f"-{option}={value}" for option, value in options.items()]
    atheris.Setup([sys.argv[0], *flags, str(work)], watch)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
