"""What the panels show: real servers, Grafana's own code, and the rules of its panels.

  tests/pytest dashboards [WORD...]

A Prometheus and a Graphite are filled with the hours of a few sidecars (scenarios.py); each panel's
queries are put to them (asking.py) and the answers go through @grafana/data (panels.js). The tests
read texts, colours and numbers. In CI (environment CI=true) a missing server is a failure;
elsewhere, and where npm cannot be reached, the tests are skipped with the reason. NPM_FOLDER is
where the packages are installed already.
"""

import concurrent.futures
import os
import tempfile
import time
import types

import pytest
from harness.graphite import GraphiteWeb

import asking
import npm
import scenarios
import seeing
import servers

# What somebody may have chosen: the words of a test, and what they stand for.
CHOICES = {
    "mixed": asking.Choice("mixed"),
    "quiet": asking.Choice("quiet"),
    "calm": asking.Choice("mixed", [scenarios.CALM]),
    "sick": asking.Choice("mixed", [scenarios.SICK]),
    "growing": asking.Choice("mixed", [scenarios.GROWING]),
    "busy": asking.Choice("mixed", [scenarios.BUSY]),
    "without pprof": asking.Choice("mixed", [scenarios.WITHOUT_PPROF]),
    "ended": asking.Choice("mixed", [scenarios.ENDED]),
}


def pytest_collection_modifyitems(items):
    for item in items:
        item.add_marker(pytest.mark.timeout(300))


@pytest.fixture(scope="session")
def modules():
    """The folder node_modules with Grafana's packages."""
    folder = os.environ.get("NPM_FOLDER")
    if folder:
        yield os.path.join(folder, "node_modules")
        return
    with tempfile.TemporaryDirectory(prefix="dashboards-") as folder:
        why_not = npm.install(npm.DATA, folder)
        if why_not:
            pytest.skip(why_not)
        yield os.path.join(folder, "node_modules")


@pytest.fixture(scope="session")
def filled():
    """The two servers with everything in them, and `now`."""
    yield from fill()


def fill():
    end = int(time.time()) // scenarios.DETAIL * scenarios.DETAIL - scenarios.DETAIL
    begin = end - servers.SECONDS
    series = list(scenarios.all_series(begin, servers.SECONDS))
    prometheus = servers.FilledPrometheus(series, begin)
    carbon = servers.FilledCarbon(series, begin, end)
    web = GraphiteWeb(carbon)
    # A daemon ends with the thread that started it: the threads stay until the end.
    both = concurrent.futures.ThreadPoolExecutor()

    def fill_prometheus():
        prometheus.start()
        prometheus.record(end)

    def fill_graphite():
        carbon.start()
        carbon.send_newest()
        web.start()

    try:
        for done in [both.submit(fill_prometheus), both.submit(fill_graphite)]:
            done.result()
        yield types.SimpleNamespace(prometheus=prometheus, web=web, now=end + 15)
    finally:
        for server in (prometheus, web, carbon):
            server.kill()
        both.shutdown()


@pytest.fixture(scope="session")
def pages(modules, filled):
    grafana = seeing.Grafana(modules)
    sources = [
        asking.Prometheus(filled.prometheus, filled.now),
        asking.Graphite(filled.web, filled.now),
    ]
    yield seeing.Pages(sources, grafana, filled.now)
    grafana.stop()


@pytest.fixture(params=["prometheus", "graphite"])
def look(request, pages):
    """look(dashboard, words of a choice): a page over the back end of the test."""

    def page(name, words):
        return pages.look(request.param, name, words, CHOICES[words])

    page.back_end, page.now = request.param, pages.now
    return page
