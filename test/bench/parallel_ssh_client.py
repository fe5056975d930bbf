"""One command on many hosts with the library parallel-ssh, as a script of its users would do it.

    parallel_ssh_client.py HOSTS_FILE KNOWN_HOSTS USER PORT KEY PARALLEL COMMAND

Runs with the Python that has the library. Its ParallelSSHClient keeps every session until the end; so that no more
than PARALLEL are open at once, each host has an SSHClient that goes when the command has ended. The library never looks
at host keys: here they are compared before the login, with a known_hosts that is read once (libssh2 would read it again
for every session). No agent, no key but KEY.
"""

import base64
import os
import sys

from gevent.pool import Pool
from pssh.clients.native.single import SSHClient

hosts_file, known_hosts, user, port, key, parallel, command = sys.argv[1:]
with open(known_hosts, encoding="ascii") as file:
    known = {line.split()[0]: base64.b64decode(line.split()[2]) for line in file}


class Client(SSHClient):
    def _init_session(self, retries=1):
        super()._init_session(retries)
        if self.session.hostkey()[0] != known[f"[{self.host}]:{self.port}"]:
            raise PermissionError(f"{self.host}: another host key")


def run(host):
    client = Client(host, user=user, port=int(port), pkey=key, allow_agent=False, identity_auth=False, num_retries=1)
    output = client.run_command(command)
    lines = list(output.stdout)
    client.wait_finished(output)
    client.disconnect()
    return host, lines, output.exit_code


with open(hosts_file, encoding="ascii") as file:
    hosts = file.read().split()
worst = 0
for host, lines, code in Pool(int(parallel)).imap_unordered(run, hosts):
    worst = max(worst, code)
    for line in lines:
        print(f"{host}: {line}")
sys.stdout.flush()
os._exit(worst)  # the library's threads and sessions need not be tidied up
