"""Where the things under test are: the build, collectd, the example target.

run.py fills in `settings`; everything else asks the functions here, which skip
the test (or fail it, in CI) when a thing is not there.
"""

import functools
import glob
import os
import re
import subprocess
import unittest

from .daemon import missing, need, private_folder

TARGET = "E2E_TARGET"  # the built program, from prepare_target() to the tests
SOURCE = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))


class settings:
    builddir = SOURCE
    collectd = "collectd"


def collectd_program():
    return need(settings.collectd, "collectd-core")


def stock_plugins():
    """The plugin folder that the daemon itself was built with."""
    text = subprocess.run(
        [collectd_program(), "-h"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    ).stdout.decode(errors="replace")
    match = re.search(r"Plugin directory\s+(\S+)", text)
    return match.group(1) if match else "/usr/lib/collectd"


def plugin_folder(name):
    """The folder of the freshly built NAME.so (libtool puts it into a .libs)."""
    candidates = [os.path.join(settings.builddir, ".libs", name + ".so")] + sorted(
        glob.glob(os.path.join(settings.builddir, "**", ".libs", name + ".so"), recursive=True)
    )
    for path in candidates:
        if os.path.isfile(path):
            return os.path.dirname(path)
    return missing("no .libs/%s.so below %s: run make there" % (name, settings.builddir))


def sample(*parts):
    """The path of something that is shipped for users to copy."""
    path = os.path.join(SOURCE, "packaging", *parts)
    if not os.path.exists(path):
        raise AssertionError("no packaging/%s" % "/".join(parts))
    return path


def _build_target():
    """Builds the example target where make did not: it needs Go and no network."""
    source = os.path.join(SOURCE, "tests", "target")
    go = need("go", "golang-go")
    program = os.path.join(private_folder("program"), "sidecar")
    done = subprocess.run(
        [go, "build", "-o", program, "."],
        cwd=source,
        env=dict(os.environ, GOFLAGS="-mod=mod", GOTOOLCHAIN="local", CGO_ENABLED="0"),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=300,
        check=False,
    )
    if done.returncode != 0:
        raise AssertionError("go build of tests/target failed:\n" + done.stdout.decode())
    os.chmod(os.path.dirname(program), 0o755)
    return program


@functools.lru_cache(maxsize=None)
def target_program():
    """The example Go program, whose file is called sidecar."""
    built = os.path.join(settings.builddir, "tests", "target", "sidecar")
    for path in (os.environ.get(TARGET), built):
        if path and os.access(path, os.X_OK):
            return path
    return _build_target()


def prepare_target():
    """Builds it once for all; without Go the tests will say what is missing."""
    try:
        os.environ[TARGET] = target_program()
    except (unittest.SkipTest, AssertionError):
        pass
