"""A browser without a window: a page as its users would have it, asked over the DevTools protocol, whose messages go through
two pipes (--remote-debugging-pipe), each ended by a null byte. Nothing but the standard library."""

import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time

PROGRAMS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
PATIENCE = 60   # seconds, for one answer on a busy machine


def program():
    """The browser of this machine, or None."""
    return next((path for path in map(shutil.which, PROGRAMS) if path), None)


class Browser:
    """Use it with `with`. Everything that the page logs or asks of the network since open() is in `logged` and `requests`."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="fanout-browser-")
        commands, self.to_browser = os.pipe()
        self.from_browser, answers = os.pipe()

        def hand_down():
            # The program knows them as 3 and 4; neither must be closed by the move of the other.
            high = [os.dup2(commands, 203), os.dup2(answers, 204)]
            os.dup2(high[0], 3)
            os.dup2(high[1], 4)
            os.setsid()

        self.process = subprocess.Popen(
            [program(), "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
             "--host-resolver-rules=MAP * ~NOTFOUND", "--remote-debugging-pipe",
             f"--user-data-dir={self.folder}", "about:blank"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            preexec_fn=hand_down, close_fds=False, env={**os.environ, "HOME": self.folder})
        os.close(commands)
        os.close(answers)
        self.buffer, self.number, self.session = b"", 0, None
        self.logged, self.requests, self.events = [], [], []

    def __enter__(self):
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.ask(domain + ".enable")
        return self

    def __exit__(self, *_):
        os.close(self.to_browser)   # which ends it
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, 9)
            self.process.wait()
        os.close(self.from_browser)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _message(self, until):
        while b"\0" not in self.buffer:
            if not select.select([self.from_browser], [], [], max(0, until - time.monotonic()))[0]:
                raise TimeoutError("the browser does not answer")
            read = os.read(self.from_browser, 1 << 20)
            if not read:
                raise EOFError("the browser is gone")
            self.buffer += read
        message, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(message)

    def _heed(self, message):
        method, params = message.get("method"), message.get("params", {})
        if method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        elif method in ("Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown"):
            self.logged.append(params)
        self.events.append(method)

    def ask(self, method, **params):
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self.to_browser, data):]
        until = time.monotonic() + PATIENCE
        while (answer := self._message(until)).get("id") != self.number:
            self._heed(answer)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        return answer["result"]

    def look(self, width, height=900, dark=False):
        """As a screen of this size, which likes this."""
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.ask("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def open(self, path):
        self.logged, self.requests, self.events = [], [], []
        self.ask("Page.navigate", url="file://" + os.path.abspath(path))
        until = time.monotonic() + PATIENCE
        while "Page.loadEventFired" not in self.events:
            self._heed(self._message(until))

    def value(self, expression):
        """Of JavaScript. It is run by the browser, not by the page, whose policy forbids it."""
        answer = self.ask("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(answer["exceptionDetails"])
        return answer["result"].get("value")

    def picture(self, path, whole=True):
        shot = self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        with open(path, "wb") as file:
            file.write(base64.b64decode(shot["data"]))
