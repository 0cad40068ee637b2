"""Where the things under test are: the build, collectd, the example target.

isolation.py fills in `settings`; everything else asks the functions here, which skip
the test (or fail it, in CI) when a thing is not there.
"""

import functools
import glob
import os
import re
import shutil
import stat
import subprocess
import tempfile
import unittest

from .daemon import missing, need, private_folder

TARGET = "E2E_TARGET"  # the built program, from prepare_target() to the tests
PLUGINS = "E2E_PLUGINS"  # the folder of our plugins, from prepare_plugins() to the tests
OUR_PLUGINS = ("sidecar", "notify_alertmanager")
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


def open_folder():
    """A new temporary folder in which another user may read.

    TMPDIR may be in a folder that is ours alone, as the build mostly is.
    """

    def is_open(path):
        way = [path]
        while way[-1] != "/":
            way.append(os.path.dirname(way[-1]))
        return all(os.stat(part).st_mode & stat.S_IXOTH for part in way)

    places = [os.path.realpath(path) for path in (tempfile.gettempdir(), "/tmp", "/var/tmp")]
    place = next((path for path in places if os.path.isdir(path) and is_open(path)), None)
    folder = tempfile.mkdtemp(prefix="e2e-", dir=place)
    os.chmod(folder, 0o755)
    return folder


def prepare_plugins():
    """Copies ours to where a collectd of another user may read them; what is not built is left
    to the test that wants it."""
    folder = private_folder("plugins")
    for name in OUR_PLUGINS:
        try:
            built = os.path.join(plugin_folder(name), name + ".so")
        except (unittest.SkipTest, AssertionError):
            continue
        shutil.copyfile(built, os.path.join(folder, name + ".so"))
        os.chmod(os.path.join(folder, name + ".so"), 0o644)
    os.chmod(folder, 0o755)
    os.environ[PLUGINS] = folder


def plugin_folder(name):
    """The folder of the freshly built NAME.so: the copy, or libtool's .libs."""
    copied = os.environ.get(PLUGINS)
    if copied and os.path.isfile(os.path.join(copied, name + ".so")):
        return copied
    candidates = [os.path.join(settings.builddir, ".libs", name + ".so")] + sorted(
        glob.glob(os.path.join(settings.builddir, "**", ".libs", name + ".so"), recursive=True)
    )
    for path in candidates:
        if os.path.isfile(path):
            return os.path.dirname(path)
    return missing("no .libs/%s.so below %s: run make there" % (name, settings.builddir))


def built_program(name):
    """A program of ours in the build folder."""
    path = os.path.join(settings.builddir, name)
    return path if os.access(path, os.X_OK) else missing("no %s: run make there" % path)


def sample(*parts):
    """The path of something that is shipped for users to copy."""
    path = os.path.join(SOURCE, "packaging", *parts)
    if not os.path.exists(path):
        raise AssertionError("no packaging/%s" % "/".join(parts))
    return path


def target_program_of(toolchain):
    """The example target, built with a toolchain ("go1.27.3") where that can be had; otherwise
    the test is skipped, also in CI: it is no package of any system."""
    go = need("go", "golang-go")
    environment = dict(os.environ, GOTOOLCHAIN=toolchain)
    done = subprocess.run(
        [go, "version"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=300,
        check=False,
    )
    said = done.stdout.decode(errors="replace").strip()
    if done.returncode != 0 or toolchain not in said.split():
        raise unittest.SkipTest("no %s: %s" % (toolchain, said))
    return _build_target(toolchain)


def _build_target(toolchain="local"):
    """Builds the example target where make did not: it needs Go and no network."""
    source = os.path.join(SOURCE, "tests", "target")
    go = need("go", "golang-go")
    program = os.path.join(private_folder("program"), "sidecar")
    done = subprocess.run(
        [go, "build", "-o", program, "."],
        cwd=source,
        env=dict(os.environ, GOFLAGS="-mod=mod", GOTOOLCHAIN=toolchain, CGO_ENABLED="0"),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=300,
        check=False,
    )
    if done.returncode != 0:
        raise AssertionError("go build of tests/target failed:\n" + done.stdout.decode())
    return program


@functools.lru_cache(maxsize=None)
def _built_target():
    built = os.path.join(settings.builddir, "tests", "target", "sidecar")
    return built if os.access(built, os.X_OK) else _build_target()


def target_program():
    """The example Go program, whose file is called sidecar."""
    return os.environ.get(TARGET) or _built_target()


def prepare_target():
    """Builds it once for all, where any user may run it; without Go the tests will say what is
    missing."""
    try:
        built = _built_target()
    except (unittest.SkipTest, AssertionError):
        return
    folder = private_folder("target")
    os.environ[TARGET] = os.path.join(folder, "sidecar")
    shutil.copyfile(built, os.environ[TARGET])
    for path in (folder, os.environ[TARGET]):
        os.chmod(path, 0o755)
