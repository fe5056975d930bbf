"""The servers of packaging/demo: six hosts that answer and one that does not.

Prints the folder of the client, with hosts.ini, known_hosts and a key in it, when the servers are ready. Ends, and
removes everything, when its standard input ends: also when the one who started it was killed.
"""

import signal
import sys

from daemons import Site
from fleet import Fleet
from processes import become_subreaper
from servers import ClosedPort


def main():
    # Ctrl-C is for the program that is shown; it reaches everybody on the terminal.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.signal(signal.SIGHUP, lambda *_: sys.exit(129))
    become_subreaper()
    with Site() as site:
        fleet = Fleet(site, program="")
        try:
            web = fleet.openssh(*(f"web{number:02}" for number in range(1, 7)))
            fleet.misbehaving("db01", ClosedPort)
            fleet.write_known_hosts()
            fleet.write("hosts.ini", (
                f"[defaults]\nuser = {fleet.user}\nport = {web[0].port}\n\n"
                "[web]\nhosts = web[01-06]\n\n[db]\ndb01 = db01\n\n"
                + "".join(f"[{host.name}]\nip = {host.address}\n" for host in fleet.hosts)))
            print(fleet.home, flush=True)
            sys.stdin.read()
        finally:
            fleet.close()


if __name__ == "__main__":
    main()
