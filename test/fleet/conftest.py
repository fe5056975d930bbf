"""The fixtures of the fleet tests. The program under test is the one that FANOUT names."""

import faulthandler
import os
import signal
import sys

import pytest

from bench import Bench
from daemons import Dropbear, Site
from fleet import Fleet
from processes import become_subreaper
from transfers import Transfers


def pytest_configure(config):
    become_subreaper()
    # So that servers and account are removed when the run is terminated.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))
    faulthandler.enable()


@pytest.fixture(scope="session")
def program():
    path = os.environ.get("FANOUT")
    if not path:
        pytest.exit("FANOUT must name the program to test", 2)
    return os.path.abspath(path)


@pytest.fixture(scope="session")
def site():
    with Site() as new:
        yield new


@pytest.fixture(scope="session")
def pools():
    return {}


@pytest.fixture
def fleet(site, program, pools):
    new = Fleet(site, program, pools)
    yield new
    new.close()


@pytest.fixture
def bench(fleet):
    return Bench(fleet)


@pytest.fixture
def transfers(fleet):
    return Transfers(fleet)


@pytest.fixture(params=["openssh", "dropbear"])
def kind(request, site):
    """Runs a test once against each implementation of the servers."""
    if request.param == "dropbear" and (reason := Dropbear.why_not(site)):
        pytest.skip(reason)
    return request.param


@pytest.fixture
def password(site):
    """The password of the account on the hosts."""
    if not site.account.password:
        pytest.skip("only root can make an account with a password")
    return site.account.password
