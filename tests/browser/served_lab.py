"""JupyterLab served on this machine and a browser that looks at it: both end in all cases, what they said is kept."""

import contextlib
import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from lnlkit.run import surroundings

WAIT = 300  # seconds, which only a hang meets
WIDTH, HEIGHT = 1366, 900  # pixels: the screen that pages are made for
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-breakpad",
         f"--window-size={WIDTH},{HEIGHT}", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1")  # fmt: skip
SETTINGS = {
    "ServerApp": {"ip": "127.0.0.1", "port": 0, "token": "secret", "open_browser": False, "allow_root": True},
    "LabApp": {"expose_app_in_browser": True, "extension_manager": "readonly"},
}
PAGE_SETTINGS = {"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True}}  # they lie on the page
PICTURE_OF = """
const [number, old] = arguments, cell = window.jupyterapp.shell.currentWidget.content.widgets[number];
const image = [...cell.node.querySelectorAll(".jp-OutputArea-output img[src^='data:image/png']")].at(-1);
if (!image || image.src === old || !image.complete || !image.naturalWidth) return null;
const outputs = cell.model.outputs, data = [...Array(outputs.length).keys()].map(place => outputs.get(place).data);
const its = data.find(of => of['image/png'] && image.src.endsWith(of['image/png']));
return its && [image.src, its['text/plain']];
"""
ERROR_OUTPUTS = ("application/vnd.jupyter.stderr", "application/vnd.jupyter.error")


def browser_and_driver() -> tuple[str, str]:
    """Paths of a Chromium or Chrome and of the driver of its version, else a skip, which is a failure in CI.

    LNLKIT_BROWSER is 1 where there must be one, 0 where it is not wanted; unset, there must be one where CI is set.
    """
    wanted = os.environ.get("LNLKIT_BROWSER") or ("1" if os.environ.get("CI", "") not in ("", "0", "false") else "")
    if wanted == "0":
        pytest.skip("LNLKIT_BROWSER=0: no browser is wanted")
    driver = shutil.which("chromedriver") if importlib.util.find_spec("selenium") else None
    for browser in filter(None, map(shutil.which, BROWSERS)):
        if driver and _version(browser) == _version(driver):
            return browser, driver
    said = ("needs selenium, Chromium or Chrome, and chromedriver of its version: pip install -e '.[dev]', "
            "and on Debian apt install chromium chromium-driver")  # fmt: skip
    (pytest.fail if wanted else pytest.skip)(said)


def _version(program):
    said = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=WAIT).stdout
    return next(iter(re.findall(r"\d+", said)), None)


@contextlib.contextmanager
def jupyter_lab(folder: Path):
    """The process of a server in a folder of its own, and where it is: {"url": ..., "token": ...}."""
    own = {f"JUPYTER_{name}_DIR": str(folder / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")}
    own |= {f"JUPYTERLAB_{name}_DIR": str(folder / name.lower()) for name in ("SETTINGS", "WORKSPACES")}
    (folder / "config" / "labconfig").mkdir(parents=True)
    for name, of in (("jupyter_lab_config.json", SETTINGS), ("labconfig/page_config.json", PAGE_SETTINGS)):
        (folder / "config" / name).write_text(json.dumps(of), encoding="utf-8")
    settings = folder / "settings" / "@jupyterlab" / "notebook-extension" / "tracker.jupyterlab-settings"
    settings.parent.mkdir(parents=True)
    settings.write_text(json.dumps({"windowingMode": "none"}), encoding="utf-8")  # cells out of sight are drawn, too
    env = surroundings.environment(folder / "kernel", "smoke", folder) | own
    command = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={folder / 'work'}"]
    with open(folder / "server.log", "w") as log:
        server = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        try:
            yield server, _place(server, folder)
        finally:
            end(server.pid)
            server.wait()


def _place(server, folder):
    """Where the server says that it listens: the system gave it a free port."""
    until = time.monotonic() + WAIT
    while time.monotonic() < until and server.poll() is None:
        for path in (folder / "runtime").glob("jpserver-*.json"):
            with contextlib.suppress(ValueError):  # just being written
                return json.loads(path.read_text(encoding="utf-8"))
        time.sleep(0.1)
    pytest.fail(f"JupyterLab did not start.\n{tail(folder / 'server.log')}")


@contextlib.contextmanager
def ended_in_order():
    """A request to end these tests, SIGTERM, interrupts them as Ctrl-C does, so that they end what they started."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextlib.contextmanager
def browser(folder: Path, programs):
    """Selenium's driver of a browser without settings and history, which finds no machine but this one."""
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = programs[0]
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    for flag in (*FLAGS, f"--user-data-dir={folder / 'browser'}"):
        options.add_argument(flag)
    env = os.environ | {"HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "XDG_CACHE_HOME": str(folder)}
    service = webdriver.ChromeService(programs[1], log_output=str(folder / "driver.log"), env=env)
    try:
        driver = webdriver.Chrome(options, service)
        try:
            driver.set_script_timeout(WAIT)
            yield driver
        finally:
            with contextlib.suppress(Exception):
                driver.quit()
    finally:
        if getattr(service, "process", None):
            end(service.process.pid)


def end(pid):
    """Ends a process and all that it started, also what lives in a process group of its own, as kernels do."""
    try:
        first = psutil.Process(pid)
        family = [*first.children(recursive=True), first]
    except psutil.NoSuchProcess:
        return
    for stop in ("terminate", "kill"):
        for process in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                getattr(process, stop)()
        _, family = psutil.wait_procs(family, timeout=10)


def tail(path: Path, lines=15) -> str:
    return "\n".join(path.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])


class Page:
    """A notebook open in JupyterLab: runs its cells, finds what is shown, knows the processor time of its kernel."""

    def __init__(self, driver, server, folder):
        self.driver, self.server, self.folder, self.failed = driver, server, folder, False

    def open(self, place, name):
        """Opens a notebook of the server's folder and waits for its kernel."""
        self.driver.get(f"{place['url']}lab/tree/{name}?token={place['token']}&reset")  # nothing of earlier pages
        self.until_idle()

    def until_idle(self):
        self.until("a notebook with an idle kernel", lambda: self.driver.execute_script(
            "const panel = window.jupyterapp?.shell.currentWidget;"
            "return panel?.context?.isReady && panel.sessionContext.session?.kernel?.status === 'idle';"))  # fmt: skip

    def run_cell(self, number):
        """Runs a cell and waits until it is done."""
        self.driver.execute_async_script(
            "const [number, done] = arguments, app = window.jupyterapp;"
            "app.shell.currentWidget.content.activeCellIndex = number;"
            "app.commands.execute('notebook:run-cell').then(() => done(), done);", number)  # fmt: skip

    def picture(self, number, other_than=None):
        """Source and description of the last picture below a cell, once it is drawn there and another one than that."""
        def drawn():
            assert self.errors() == []
            return self.driver.execute_script(PICTURE_OF, number, other_than and other_than[0])

        return self.until("a picture" if other_than is None else "another picture", drawn)

    def all(self, css):
        from selenium.webdriver.common.by import By

        return self.driver.find_elements(By.CSS_SELECTOR, css)

    def until(self, what, condition):
        """What the condition returns as soon as that is true; elements may come and go meanwhile."""
        from selenium.common.exceptions import StaleElementReferenceException
        from selenium.webdriver.support.ui import WebDriverWait

        wait = WebDriverWait(self.driver, WAIT, 0.05, [StaleElementReferenceException])
        return wait.until(lambda _: condition(), f"waited {WAIT} s for {what}")

    def kernel(self) -> psutil.Process:
        """The process of the notebook's kernel."""
        family = psutil.Process(self.server.pid).children(recursive=True)
        (kernel,) = [process for process in family if "ipykernel_launcher" in process.cmdline()]
        return kernel

    def seconds(self) -> float:
        """Processor seconds that the kernel has spent so far."""
        times = self.kernel().cpu_times()
        return times.user + times.system

    def errors(self) -> list[str]:
        """Texts of what is red on the page: messages of explorers, errors and warnings of cells."""
        css = ", ".join([".lnlkit-error", *(f'.jp-RenderedText[data-mime-type="{kind}"]' for kind in ERROR_OUTPUTS)])
        return [element.text for element in self.all(css)]

    @contextlib.contextmanager
    def evidence(self):
        """A failure in this block keeps a screenshot and the browser's console, and says where.

        Later blocks fail at once: they would wait on the same page, for minutes.
        """
        if self.failed:
            pytest.fail(f"an earlier test of this page failed, see {self.folder}")
        try:
            yield
        except Exception as error:
            self.failed = True
            raise AssertionError(f"{error}\n{self._told()}") from error

    def _told(self):
        """What the page shows in red, the ends of the logs, and where all is kept."""
        console, red = self.folder / "console.log", []
        with contextlib.suppress(Exception):  # the browser may be gone
            red = [f"--- in red on the page\n{text}" for text in self.errors()]
            said = [f"{of['level']} {of['message']}" for of in self.driver.get_log("browser")]
            console.write_text("\n".join(said), encoding="utf-8")
            self.driver.save_screenshot(str(self.folder / "screenshot.png"))
        logs = [path for path in (console, self.folder / "server.log") if path.exists()]
        return "\n".join([f"Screenshot and logs are kept in {self.folder}.", *red,
                          *(f"--- {path.name}\n{tail(path)}" for path in logs)])  # fmt: skip
