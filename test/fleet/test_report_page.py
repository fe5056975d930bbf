"""The page of fanout report in a real browser: what it says, how wide it is, whom it asks."""

import json

import pytest

import browser
from fleet import Fleet
from servers import ClosedPort

pytestmark = pytest.mark.skipif(not browser.program(), reason="there is no Chromium on this machine")

HOSTILE = "<script>document.title='owned'</script><img src=http://127.0.0.1:1/ onerror=document.title='owned'>"


@pytest.fixture(scope="module")
def told(site, program, pools):
    """A page about hosts of which one is slow, one fails, one is not reached and one was not started: its path, and the
    records of the run."""
    fleet = Fleet(site, program, pools)
    fleet.openssh("db01", "db02", "db03", "db04", "db06")
    fleet.misbehaving("db05", ClosedPort)
    fleet.prepare()
    fleet.exec("-H", "db[01-06]", "--batches", "5,1", "--max-fail", "1", "--journal", "j",
               f"case {{host}} in db02) sleep 2;; db03) echo \"{HOSTILE}\"; exit 3;; *) sleep 0.5; echo text;; esac").assert_code(7)
    result = fleet.run("report", "j", "--html", "page.html", "--json").assert_code(7)
    yield fleet.path("page.html"), {record["host"]: record for record in map(json.loads, result.out.splitlines())}
    fleet.close()


# After all runs of the program: what is left of those is killed, and a browser's processes look as if they were.
@pytest.fixture(scope="module")
def chromium(told):
    with browser.Browser() as new:
        new.look(1440)
        new.open(told[0])
        assert new.value("document.querySelectorAll('section').length") == 6
        yield new


def test_what_it_says(chromium):
    tiles = chromium.value("[...document.querySelectorAll('.tiles li')].map(e => e.innerText.replace(/\\s+/g, ' '))")
    assert tiles[:3] == ["6 hosts", "3 ok", "2 failed"] and "1 skipped" in tiles
    reasons = chromium.value("[...document.querySelectorAll('.reasons li')].map(e => e.innerText)")
    assert len(reasons) == 3 and "exit 3" in reasons[0] and "Connection refused" in reasons[1]
    rows = chromium.value("[...document.querySelectorAll('#hosts tbody tr')].map(r => r.cells[0].firstChild.data)")
    assert rows == ["db01", "db02", "db03", "db04", "db05", "db06"]
    assert "not started" in chromium.value("document.querySelector('.bars').textContent")
    outputs = chromium.value("[...document.querySelectorAll('details')].map(e => e.textContent)")
    assert len(outputs) == 2 and "2 hosts" in outputs[0] and "text" in outputs[0]


def test_what_hosts_print_stays_text(chromium):
    assert chromium.value("document.title") != "owned"
    assert chromium.value("document.querySelectorAll('script, img').length") == 0
    assert HOSTILE in chromium.value("[...document.querySelectorAll('pre')].map(e => e.textContent).join()")


def test_bars_are_as_long_as_hosts_took(told, chromium):
    records = told[1]
    chromium.look(1440)
    widths = chromium.value("""Object.fromEntries([...document.querySelectorAll('.bars > g:not(.axis)')].map(g =>
        [g.querySelector('title').textContent.split(':')[0],
         (g.querySelector('.bar') || {getBoundingClientRect: () => ({width: 0})}).getBoundingClientRect().width]))""")
    assert set(widths) == set(records) and widths["db06"] == 0
    for name in "db01", "db03", "db04":
        ratio = records[name]["seconds"] / records["db02"]["seconds"]
        assert widths[name] / widths["db02"] == pytest.approx(ratio, abs=0.02)
    # The command is the longest part of the one that was slow.
    run = chromium.value("""[...document.querySelectorAll('.bars > g')].find(g => g.textContent.startsWith('db02'))
        .querySelector('.three').getBoundingClientRect().width""")
    assert run / widths["db02"] == pytest.approx(
        records["db02"]["phases"]["run"] / records["db02"]["seconds"], abs=0.03)


@pytest.mark.parametrize("width", [320, 360, 1440])
def test_it_is_never_wider_than_the_screen(chromium, width):
    chromium.look(width)
    assert chromium.value("document.scrollingElement.scrollWidth <= innerWidth")
    # Every box is within it as well.
    assert chromium.value("""[...document.querySelectorAll('main > *, .tiles li, .box, details, .timeline, svg')]
        .every(e => e.getBoundingClientRect().right <= innerWidth + 0.5)""")


CONTRAST = """(() => {
  const channels = color => color.match(/[0-9.]+/g).map(Number);
  const light = color => {
    const [r, g, b] = channels(color).slice(0, 3).map(c => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = element => {
    for (; element; element = element.parentElement) {
      const [, , , alpha] = channels(getComputedStyle(element).backgroundColor);
      if (alpha !== 0) return getComputedStyle(element).backgroundColor;
    }
  };
  const has_text = e => [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim());
  return [...document.querySelectorAll('main *:not(svg *)')].filter(has_text).map(e => {
    const [a, b] = [light(getComputedStyle(e).color), light(ground(e))].sort((x, y) => y - x);
    return [(a + 0.05) / (b + 0.05), e.className + ': ' + e.textContent.slice(0, 30)];
  }).sort((x, y) => x[0] - y[0])[0];
})()"""


def test_it_is_readable_in_light_and_dark(chromium):
    grounds = set()
    for dark in False, True:
        chromium.look(1440, dark=dark)
        grounds.add(chromium.value("getComputedStyle(document.body).backgroundColor"))
        contrast, where = chromium.value(CONTRAST)
        assert contrast >= 4.5, where
    assert len(grounds) == 2


def test_it_asks_nobody_and_complains_of_nothing(chromium):
    chromium.value("document.querySelectorAll('details').forEach(e => e.open = true)")
    chromium.look(360, dark=True)
    assert len(chromium.requests) == 1 and chromium.requests[0].endswith("/page.html")
    assert chromium.logged == []
    # Its policy forbids what it does without.
    assert chromium.value("document.querySelector('meta[http-equiv]').content") == (
        "default-src 'none'; style-src 'unsafe-inline'")
