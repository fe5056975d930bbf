"""CPU and wall time of a whole command."""

import os
import subprocess
import time


class Usage:
    """Runs a command; CPU of it and of every descendant that was waited for."""

    def __init__(self, command, fleet):
        begin = time.monotonic()
        process = subprocess.Popen(command, cwd=fleet.home, env=fleet.environment(), stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.output, self.errors = process.stdout.read(), process.stderr.read()
        _, status, resources = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        self.wall = time.monotonic() - begin
        self.cpu = resources.ru_utime + resources.ru_stime
        self.code = process.returncode
