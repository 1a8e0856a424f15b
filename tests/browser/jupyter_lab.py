"""A real JupyterLab in a real browser, and everything that goes wrong in it.

`LabServer` is a JupyterLab of its own on a free loopback port: it reads and writes no settings of the user, and
ends with the process that started it. `NotebookPage` opens a notebook there in Chromium, runs it, and collects
errors from cells, callbacks, the page's scripts, missing widget models and cells that did not run. It can go on to
another notebook: to load JupyterLab costs seconds, and so does a new kernel's import of torch and transformers.

JupyterLab and Notebook 7 need a server each. Jupyter's server remembers by its name alone where a static file lies,
both have fonts of the same names, and whoever asks second gets a 403.
"""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlparse

import nbformat
from nbformat.v4 import new_code_cell, new_notebook
from playwright.sync_api import Browser, Page, Request, Route, sync_playwright

SETTINGS = {
    "@jupyterlab/apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/docmanager-extension/plugin": {"autosave": False},
    "@jupyterlab/notebook-extension/tracker": {"windowingMode": "none"},  # else cells off the screen are not drawn
}
SERVER = {
    "ServerApp.ip": "127.0.0.1",
    "ServerApp.port": 0,
    "ServerApp.open_browser": False,
    "ServerApp.allow_root": True,
    "IdentityProvider.token": "",
    "LabApp.expose_app_in_browser": True,
    "JupyterNotebookApp.expose_app_in_browser": True,
}
CHROMIUM = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
]  # fmt: skip
PROBE = Path(__file__).with_suffix(".js")
"""What it asks of the page, in JavaScript."""
EMPTY = """import ipywidgets
ipywidgets.Widget.close_all()
get_ipython().run_line_magic('reset', '-f')
"""
"""What a kernel runs before the next notebook: no widget and no name is left. Modules stay imported."""


def find_chromium() -> str | None:
    """The browser on this machine, or None."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
    return next((path for name in names if (path := shutil.which(name))), None)


class LabServer:
    """JupyterLab on `root`, with its settings, data and runtime files in `private`."""

    def __init__(self, root: Path, private: Path) -> None:
        self.root, self.log_file = root, private / "server.log"
        for name, settings in SETTINGS.items():
            path = private / "settings" / f"{name}.jupyterlab-settings"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(settings))
        folders = {name: private / name for name in ("config", "data", "runtime", "ipython")}
        options = {
            **SERVER,
            "ServerApp.root_dir": root,
            "LabApp.user_settings_dir": private / "settings",
            "LabApp.workspaces_dir": private / "workspaces",
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *(f"--{name}={value}" for name, value in options.items())],
            stdout=self.log_file.open("w"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_die_with_parent if sys.platform == "linux" else None,
            env={
                **os.environ,
                "JUPYTER_CONFIG_DIR": str(folders["config"]),
                "JUPYTER_DATA_DIR": str(folders["data"]),
                "JUPYTER_RUNTIME_DIR": str(folders["runtime"]),
                "IPYTHONDIR": str(folders["ipython"]),
            },
        )
        self.url = self._wait_for_url(folders["runtime"])

    def _wait_for_url(self, runtime: Path, seconds: float = 90) -> str:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self.process.poll() is None:
            for file in runtime.glob("jpserver-*.json"):
                try:
                    return json.loads(file.read_text())["url"]
                except (ValueError, KeyError):  # caught while it was being written
                    continue
            time.sleep(0.1)
        self.stop()
        raise RuntimeError(f"JupyterLab did not start:\n{self.log}")

    @property
    def log(self) -> str:
        return self.log_file.read_text(errors="replace")

    def stop(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()


def _die_with_parent() -> None:
    PR_SET_PDEATHSIG = 1
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def write_notebook(path: Path, cells: Iterable[str]) -> None:
    """A notebook of these code cells, for the kernel of this environment."""
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(new_notebook(cells=[new_code_cell(source) for source in cells], metadata=kernel), path)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A headless browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=CHROMIUM)
        yield browser
        browser.close()


class NotebookPage:
    """A notebook open in the browser.

    `errors` lists what went wrong, in words; an empty list is what a test hopes for.

    Args:
        interface: "lab/tree" for JupyterLab, "notebooks" for Notebook 7, which the same server serves.
    """

    def __init__(self, browser: Browser, server: LabServer, interface: str = "lab/tree") -> None:
        self.server, self.interface = server, interface
        self.page: Page = browser.new_page(viewport={"width": 1280, "height": 800})
        self.page.add_init_script(path=PROBE)
        self._page_errors: list[str] = []
        self._log_read = 0
        self.page.on("pageerror", lambda error: self._page_errors.append(f"page script: {error}"))
        self.page.on("console", self._on_console)
        self.page.route("**/*", self._on_request)

    def _on_console(self, message) -> None:
        if message.type == "error":
            where = urlparse(message.location.get("url", "")).path
            self._page_errors.append(f"console: {message.text} {where}".strip())

    def _on_request(self, route: Route, request: Request) -> None:
        """Refuse what leaves this machine, and say so: the lab promises to work without internet."""
        address = urlparse(request.url)
        if address.scheme in ("http", "https", "ws") and address.hostname not in ("127.0.0.1", "localhost"):
            self._page_errors.append(f"asked for {request.url}")
            route.abort()
        else:
            route.continue_()

    def open(self, notebook: str, seconds: float = 90) -> None:
        """Open a notebook, named from the server's root, and wait for its kernel."""
        self.notebook = notebook
        self._open_page(seconds)

    def go_on_with(self, notebook: str, seconds: float = 90) -> None:
        """Open another notebook on the same page, with the same kernel, which knows nothing of the one before."""
        self.page.evaluate("code => probe.execute(code)", EMPTY)
        self.wait_until_idle()
        kernel = self.page.evaluate("() => probe.leave()")
        self._page_errors.clear()
        self._log_read = len(self.server.log)
        self.notebook = notebook
        self.page.evaluate("([notebook, kernel]) => probe.enter(notebook, kernel)", [notebook, kernel])
        self._wait_until_open(seconds)

    def _open_page(self, seconds: float = 90) -> None:
        self._log_read = len(self.server.log)
        self.page.goto(f"{self.server.url}{self.interface}/{self.notebook}?reset")
        self._wait_until_open(seconds)

    def _wait_until_open(self, seconds: float) -> None:
        self.page.wait_for_function("notebook => probe.isOpen(notebook)", arg=self.notebook, timeout=seconds * 1000)
        self.page.evaluate("() => probe.listen()")

    def run_all(self, seconds: float = 240) -> None:
        """Run every cell, and wait until the kernel has nothing left to do."""
        self.page.set_default_timeout(seconds * 1000)
        self.page.evaluate("() => probe.run('notebook:run-all-cells')")
        self.wait_until_idle(seconds)
        self.page.set_default_timeout(30_000)

    def wait_until_idle(self, seconds: float = 60) -> None:
        self.page.wait_for_function("() => probe.isIdle()", timeout=seconds * 1000)

    def wait_until_still(self, seconds: float = 30) -> None:
        """Wait until the kernel has nothing to do and the figures have stopped changing."""
        self.wait_until_idle(seconds)
        self.page.evaluate("() => { probe.before = null; }")
        self.page.wait_for_function("() => probe.isStill()", polling=250, timeout=seconds * 1000)

    def press(self, selector: str, key: str) -> None:
        """Press a key on the first element that fits, and wait for what it does."""
        self.page.locator(selector).first.focus()
        self.page.keyboard.press(key)
        self.wait_until_still()

    def click_slider(self, selector: str, at: float) -> None:
        """Click on a slider's line, `at` from 0 (left) to 1 (right), and wait for what it does."""
        line = self.page.locator(selector).first
        line.scroll_into_view_if_needed()
        box = line.bounding_box()
        assert box is not None, f"{selector} is not on the page"
        self.page.mouse.click(box["x"] + at * box["width"], box["y"] + box["height"] / 2)
        self.wait_until_still()

    def time_key(self, slider: str, key: str) -> float:
        """Press a key on a slider; the seconds until the first figure was drawn for the last time."""
        self.page.evaluate("() => probe.watch()")
        self.page.get_by_role("slider", name=slider).first.focus()
        self.page.keyboard.press(key)
        self.wait_until_still()
        return self.page.evaluate("() => (probe.drawnAt - probe.pressedAt) / 1000")

    def paths(self, selector: str) -> list[str]:
        """The outlines of what a figure draws."""
        return self.page.locator(selector).evaluate_all("paths => paths.map(path => path.getAttribute('d'))")

    def save(self) -> None:
        self.page.evaluate("() => probe.run('docmanager:save')")

    def reload(self) -> None:
        """Load the page again; the kernel goes on."""
        self.page.goto("about:blank")
        self._open_page()

    def restart_kernel(self) -> None:
        """Restart the kernel; what was drawn stays on the page."""
        self.page.evaluate("() => probe.restart()")
        self.page.evaluate("() => probe.listen()")

    def shut_down_kernel(self) -> None:
        self.page.evaluate("() => probe.shutDown()")

    def close(self) -> None:
        """Shut the kernel down and close the page."""
        self.shut_down_kernel()
        self.page.close()

    @property
    def errors(self) -> list[str]:
        cells = self.page.evaluate("() => probe.errors()")
        missing = sum(place.is_visible() for place in self.page.get_by_text("Error displaying widget").all())
        widgets = [f"{missing} widgets without a model"] if missing else []
        log = [line for line in self.server.log[self._log_read :].splitlines() if "Error:" in line]
        return [*cells, *widgets, *self._page_errors, *(f"server or kernel: {line}" for line in log)]
