"""Whether the lab was updated under a running kernel, which would go on with old files and new ones mixed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from time import time

PACKAGE = Path(__file__).parents[1]
IMPORTED = time()


def restart_kernel() -> str:
    """A sentence that asks to restart the kernel, where a file of the lab is newer than its import; else empty."""
    changed = sorted(path.relative_to(PACKAGE).as_posix() for path in _changed())
    if not changed:
        return ""
    others = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
    return f"The lab's files have changed since this kernel began ({changed[0]}{others}): restart the kernel."


def _changed() -> Iterator[Path]:
    """The package's files that are newer; `os.walk` takes a quarter of the time of `rglob`."""
    for folder, _, names in os.walk(PACKAGE):
        for name in names:
            if name.endswith(".py") and _is_newer(os.path.join(folder, name)):
                yield Path(folder, name)


def _is_newer(path: str) -> bool:
    try:
        return os.stat(path).st_mtime > IMPORTED
    except OSError:  # an editor is just replacing it
        return False
