"""Programs in the window of a terminal emulator (tmux), where what a person would see can be read.

    Window       one program; when it has ended, its code stands on the last line
    ShellWindow  a shell with job control, which command lines are typed into

Each has a tmux server of its own on a socket of its own, which ends with it; nobody's configuration is read.
"""

import contextlib
import os
import shlex
import subprocess

from processes import end, spawn, wait_until


class _Tmux:
    def __init__(self, fleet, command, columns, rows):
        # Not in the folder of the fleet: a name of a socket has 107 bytes at most (unix(7)).
        self._socket = f"/tmp/fanout-window-{os.getpid()}-{id(self)}"
        self._environment = fleet.environment(TERM="xterm-256color")
        self._server = spawn(["tmux", "-S", self._socket, "-f", "/dev/null", "-u", "-D"], env=self._environment,
                             stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        assert wait_until(lambda: os.path.exists(self._socket))
        self._tmux("new-session", "-d", "-x", columns, "-y", rows, "-c", fleet.home, command)
        self._tmux("set-option", "-g", "status", "off")
        self.resize(columns, rows)

    def _tmux(self, *arguments):
        return subprocess.run(["tmux", "-S", self._socket, "-u", *map(str, arguments)], env=self._environment, check=True,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=10).stdout

    def lines(self, history=False):
        """What is in the window, from its top to its last line with text; with `history` also what has left it. A line that
        was wrapped is one."""
        text = self._tmux("capture-pane", "-p", "-J", *(["-S", "-"] if history else []))
        lines = [line.rstrip() for line in text.rstrip().split("\n")]
        return lines if lines != [""] else []

    def text(self):
        return "\n".join(self.lines())

    def wait_for(self, condition, timeout=15.0, history=False):
        """The lines for which the condition has come true."""
        seen = []

        def holds():
            seen[:] = self.lines(history)
            return condition(seen)

        assert wait_until(holds, timeout, 0.02), "the window shows\n" + "\n".join(seen)
        return seen

    def expect(self, what, timeout=10.0):
        """The same for a text, or for a condition."""
        return self.wait_for(what if callable(what) else lambda lines: what in "\n".join(lines), timeout)

    def resize(self, columns, rows):
        self._tmux("resize-window", "-x", columns, "-y", rows)

    def press(self, *keys):
        """Keys by their names in tmux: C-c, Enter, x; or text."""
        self._tmux("send-keys", *keys)

    def close(self):
        # What does not end of that is an orphan, and the fleet ends those.
        with contextlib.suppress(subprocess.SubprocessError):
            self._tmux("kill-server")
        end(self._server)
        with contextlib.suppress(OSError):
            os.remove(self._socket)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Window(_Tmux):
    def __init__(self, fleet, *arguments, columns=80, rows=24, program=None):
        """Runs the program of the fleet, or another one."""
        command = " ".join(map(shlex.quote, (program or fleet.program, *map(str, arguments))))
        # What the window shows must not go with its program.
        super().__init__(fleet, f"{command}; echo \"code $?\"; exec cat", columns, rows)


class ShellWindow(_Tmux):
    def __init__(self, fleet, columns=80, rows=24):
        super().__init__(fleet, "exec env PS1='prompt> ' /bin/bash --norc --noprofile --noediting -i", columns, rows)
        fleet._stack.callback(self.close)
        self.expect("prompt>")

    def run(self, program, *arguments, after=""):
        """Types a command line."""
        self._tmux("send-keys", "-l", shlex.join([program, *map(str, arguments)]) + after)
        self.press("Enter")
