"""The end-to-end tests: real daemons, a real target, no mocks.

  tests/pytest e2e --builddir BUILD [WORD...]

In CI (environment CI=true) a missing Debian package is a failure, elsewhere its tests are skipped
with the reason. SIDECAR_REAL=PATH names a real sidecar to use instead of installing one.
"""

from harness import real_sidecar

pytest_plugins = ["harness.isolation"]

# What takes a minute or more should not start last. (pytest-xdist 3.6 starts the files with the
# most tests first, whatever stands here.)
LONG = (
    "test_alert_rules",
    "test_alertmanager_answers",
    "test_alertmanager_outage",
    "test_red_flags",
    "test_profiles",
    "test_identity",
    "test_red_flag_rates",
    "test_churn",
    "test_graphite_alerts",
)


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: item.module.__name__ not in LONG)


def pytest_sessionstart(session):
    """Fetches what the tests cannot fetch in a network namespace."""
    config = session.config
    wanted = config.words + [arg for arg in config.args if "::" in arg or arg.endswith(".py")]
    if hasattr(config, "workerinput") or config.option.collectonly:
        return
    if not wanted or any("real_sidecar" in one or " " in one for one in wanted):
        real_sidecar.prepare()
