"""JupyterLab on loopback, driven by a headless Chromium: for the browser tests and benchmarks."""

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import psutil

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM_FLAGS = (
    "--no-sandbox",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
SWIFTSHADER = ("--use-gl=angle", "--use-angle=swiftshader")  # WebGL on the CPU
OWN_FOLDERS = (
    "JUPYTER_DATA_DIR",
    "JUPYTER_RUNTIME_DIR",
    "IPYTHONDIR",
    "JUPYTERLAB_SETTINGS_DIR",
    "JUPYTERLAB_WORKSPACES_DIR",
)
# No build check, and no question about news or about the kernel in front of the notebook: on a
# busy machine the cells may be asked to run before the kernel is known.
SETTINGS = {
    "jupyter_lab_config.json": {
        "ServerApp": {
            "tornado_settings": {"page_config_data": {"buildCheck": False, "buildAvailable": False}}
        },
        "LabApp": {"extension_manager": "readonly"},
    },
    "jupyterlab_settings_dir/@jupyterlab/apputils-extension/notification.jupyterlab-settings": {
        "fetchNews": "false",
        "checkForUpdates": False,
    },
    "jupyterlab_settings_dir/@jupyterlab/notebook-extension/tracker.jupyterlab-settings": {
        "autoStartDefaultKernel": True,
    },
}
# What JupyterLab itself says without harm to a notebook.
HARMLESS = ("favicon", "api/me", "lsp", "ResizeObserver", "Blocked aria-hidden", "DevTools")


def chromium() -> str | None:
    """The Chromium to use: `MEDGAN_CHROMIUM`, or one on the path; None if there is none."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return os.environ.get("MEDGAN_CHROMIUM") or next(filter(None, map(shutil.which, names)), None)


@contextmanager
def lab_server(folder: Path, scratch: Path) -> Iterator[tuple[str, str]]:
    """Serve `folder` with JupyterLab and leave no process behind.

    Args:
        folder: What Lab shows.
        scratch: Where Jupyter keeps its settings and its log, so that the user's stay untouched.

    Yields:
        The server's address, ending in "/", and its token.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    token = secrets.token_hex(16)
    for name, settings in SETTINGS.items():
        (scratch / name).parent.mkdir(parents=True, exist_ok=True)
        (scratch / name).write_text(json.dumps(settings))
    own = {name: str(scratch / name.lower()) for name in OWN_FOLDERS}
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    environment = os.environ | own | {"JUPYTER_TOKEN": token, "PYTHONPATH": path}
    environment["JUPYTER_CONFIG_DIR"] = str(scratch)
    command = [
        sys.executable,
        "-m",
        "jupyterlab",
        "--no-browser",
        "--allow-root",
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        f"--ServerApp.root_dir={folder}",
    ]
    log = scratch / "lab.log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            command, env=environment, stdout=output, stderr=output, start_new_session=True
        )
        try:
            address = f"http://127.0.0.1:{port}/"
            _wait_until_up(server, f"{address}api?token={token}", log)
            yield address, token
        finally:
            _stop(server)


def _wait_until_up(server: subprocess.Popen, address: str, log: Path, seconds: int = 120) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if server.poll() is not None:
            break
        try:
            with urlopen(address, timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError(f"JupyterLab did not come up:\n{log.read_text(errors='replace')[-3000:]}")


def _stop(server: subprocess.Popen) -> None:
    """End the server and its kernels, which run in sessions of their own."""
    try:
        family = psutil.Process(server.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        family = []
    server.send_signal(signal.SIGTERM)
    try:
        server.wait(timeout=15)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
    _, alive = psutil.wait_procs(family, timeout=3)
    for process in alive:
        process.kill()


class LabPage:
    """One notebook open in JupyterLab.

    Attributes:
        page: The Playwright page.
        errors: What the page's console reported as errors, without what is harmless.
    """

    def __init__(self, page):
        self.page = page
        self.errors: list[str] = []
        page.on("console", lambda message: self._note(message.type, message.text))
        page.on("pageerror", lambda error: self._note("error", str(error)))

    def open(self, address: str, token: str, name: str) -> None:
        """Open the notebook and wait until its cells are there and its kernel is idle."""
        self.page.goto(f"{address}lab/tree/{name}?reset&token={token}")
        self.page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=120_000)
        self.page.locator(".jp-KernelName", has_text="Python 3").wait_for(timeout=120_000)
        self.wait_until_idle()

    def run_all(self, timeout: float = 300.0) -> None:
        """Run all cells from the Run menu and wait for the last one; fail on an error output."""
        self.page.get_by_role("menuitem", name="Run", exact=True).click()
        self.page.click("li.lm-Menu-item[data-command='runmenu:run-all']")
        error = "[data-mime-type='application/vnd.jupyter.error']"
        self.page.wait_for_function(
            """error => document.querySelector(error) ||
                [...document.querySelectorAll('.jp-CodeCell .jp-InputArea-prompt')]
                    .every(prompt => /\\[\\d+\\]/.test(prompt.textContent))""",
            arg=error,
            timeout=timeout * 1000,
        )
        trouble = self.page.locator(error).all_text_contents()
        if trouble:
            raise AssertionError("a cell failed:\n" + "\n".join(trouble))
        self.wait_until_idle()

    def wait_until_idle(self, timeout: float = 120.0) -> None:
        """Wait until the kernel has nothing to do."""
        self.page.wait_for_selector(
            ".jp-Notebook-ExecutionIndicator[data-status='idle']", timeout=timeout * 1000
        )

    def image(self, title: str):
        """The widget picture with this title, once it has loaded."""
        picture = self.page.get_by_title(title, exact=True)
        picture.scroll_into_view_if_needed()
        self.page.wait_for_function(
            "img => img.complete && img.naturalWidth > 0", arg=picture.element_handle()
        )
        return picture

    def press(self, description: str, key: str = "ArrowRight") -> None:
        """Press a key on the slider with this label."""
        label = self.page.locator(".widget-slider", has_text=description).first
        label.locator(".noUi-handle").focus()
        self.page.keyboard.press(key)

    def pixels(self, picture) -> str:
        """The picture as the browser draws it, as a data address."""
        return picture.evaluate(
            """img => { const canvas = document.createElement('canvas');
                        canvas.width = img.naturalWidth; canvas.height = img.naturalHeight;
                        canvas.getContext('2d').drawImage(img, 0, 0);
                        return canvas.toDataURL(); }"""
        )

    def wait_for_new_source(self, picture, source: str, timeout: float = 60.0) -> None:
        """Wait until a widget's picture has been replaced and the new one has loaded."""
        self.page.wait_for_function(
            "([img, source]) => img.src !== source && img.complete && img.naturalWidth > 0",
            arg=[picture.element_handle(), source],
            timeout=timeout * 1000,
        )

    def time_presses(self, title: str, description: str, count: int) -> list[float]:
        """Press an arrow key again and again; how long the picture takes each time.

        Args:
            title: Of the picture.
            description: The slider's label.
            count: How many times; the direction turns round every 20 presses.

        Returns:
            Milliseconds from the key's arrival in the browser to the frame after the new picture
            has loaded.
        """
        self.image(title).evaluate(
            """img => {
                window.times = []; let pressed = null;
                document.addEventListener('keydown', e => { pressed = e.timeStamp; }, true);
                img.addEventListener('load', () => requestAnimationFrame(() => {
                    if (pressed !== null) window.times.push(performance.now() - pressed);
                    pressed = null; }));
            }"""
        )
        for index in range(count):
            self.press(description, "ArrowRight" if index // 20 % 2 == 0 else "ArrowLeft")
            self.page.wait_for_function("count => window.times.length === count", arg=index + 1)
        return self.page.evaluate("window.times")

    def _note(self, kind: str, text: str) -> None:
        if kind == "error" and not any(word in text for word in HARMLESS):
            self.errors.append(text)


@contextmanager
def lab_page(
    notebook: Path, scratch: Path, height: int = 1400, graphics: tuple[str, ...] = SWIFTSHADER
) -> Iterator[LabPage]:
    """Open a notebook in a fresh JupyterLab and a fresh Chromium.

    Args:
        notebook: Lab is rooted in its folder; running does not save it.
        scratch: An empty folder for Jupyter's own files.
        height: Of the window, in pixels.
        graphics: Flags for Chromium; by default WebGL, which chapters with 3-D views need.

    Raises:
        RuntimeError: There is no Chromium, or the server did not come up.
    """
    from playwright.sync_api import sync_playwright

    executable = chromium()
    if executable is None:
        raise RuntimeError("no Chromium found: install it, or set MEDGAN_CHROMIUM to its path")
    with (
        lab_server(notebook.parent, scratch) as (address, token),
        sync_playwright() as playwright,
        playwright.chromium.launch(
            executable_path=executable, args=[*CHROMIUM_FLAGS, *graphics]
        ) as browser,
    ):
        lab = LabPage(browser.new_page(viewport={"width": 1400, "height": height}))
        lab.open(address, token, notebook.name)
        yield lab
