"""Whether the lab was updated under a running kernel, which would go on with old files and new ones mixed."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

PACKAGE = Path(__file__).parents[1]


def files() -> dict[str, int]:
    """Every Python file of the package, and when it was last written, in nanoseconds."""
    written = {}
    for path in PACKAGE.rglob("*.py"):
        with suppress(OSError):  # an editor is just replacing it
            written[path.relative_to(PACKAGE).as_posix()] = path.stat().st_mtime_ns
    return written


_AT_IMPORT = files()


def changed_files() -> list[str]:
    """The Python files that are new, gone or written since the lab was imported."""
    return sorted({path for path, _ in files().items() ^ _AT_IMPORT.items()})


def restart_kernel() -> str:
    """A sentence that asks to restart the kernel, where files have changed; else empty."""
    changed = changed_files()
    if not changed:
        return ""
    others = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
    return f"The lab's files have changed since this kernel began ({changed[0]}{others}): restart the kernel."
