"""The release and the packages that tests/packages/build has made.

  tests/pytest packages --source SOURCE --packages FOLDER [WORD...]

Needs lintian, rpm, systemd-analyze and what the packages are built with. What happens when they
are installed is tried in clean rooms: tests/clean-room/commands/package-*.
"""

import os

import packages
import pytest


def pytest_addoption(parser):
    parser.addoption("--source", required=True, help="the source, with its configure")
    parser.addoption("--packages", required=True, help="where tests/packages/build put them")


def pytest_configure(config):
    if config.option.help:
        return
    packages.SOURCE = os.path.abspath(config.option.source)
    packages.FOLDER = os.path.abspath(config.option.packages)


def pytest_collection_modifyitems(items):
    for item in items:
        item.add_marker(pytest.mark.timeout(300))  # some build
