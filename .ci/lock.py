"""Renew requirements.lock: `make lock`. Needs uv; torch stays at the version that the lock names."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

LOCK = Path(__file__).parents[1] / "requirements.lock"
CUDA = re.compile(r"(nvidia-|cuda-|triton==)")  # torch pins these itself, where it needs them


def main() -> None:
    head, pins, tail = LOCK.read_text().split("\n\n")
    torch = next(line for line in pins.splitlines() if line.startswith("torch=="))
    resolved = subprocess.run(
        ["uv", "pip", "compile", "pyproject.toml", "--extra=dev", "--universal", "--python-version=3.11",
         "--no-header", "--no-annotate", "--constraint=-"],
        input=torch, text=True, check=True, capture_output=True, cwd=LOCK.parent,
    ).stdout  # fmt: skip
    kept = [line for line in resolved.splitlines() if not CUDA.match(line) and "== 'emscripten'" not in line]
    LOCK.write_text("\n\n".join([head, "\n".join(kept), tail]))
    print(f"wrote {LOCK.name}: {len(kept)} packages")


if __name__ == "__main__":
    main()
