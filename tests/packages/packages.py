"""What the tests of the packages share: where these are, and how other programs are asked."""

import glob
import os
import re
import subprocess

EXAMPLES = {
    "alertmanager.yml",
    "notify_alertmanager.conf",
    "sidecar.tmpl",
    "threshold.conf",
    "write_graphite.conf",
    "write_prometheus.conf",
}

# Set by conftest.py before a test runs.
SOURCE = FOLDER = None


def the(pattern):
    """The one file in the folder of the packages that this pattern names."""
    found = glob.glob(os.path.join(FOLDER, pattern))
    if len(found) != 1:
        raise AssertionError("%s in %s: %r" % (pattern, FOLDER, found))
    return found[0]


def read(*path):
    with open(os.path.join(SOURCE, *path), encoding="utf-8") as file:
        return file.read()


def version():
    return re.search(
        r"^AC_INIT\(\[[^]]*\], \[([^]]*)\]\)", read("configure.ac"), re.MULTILINE
    ).group(1)


def output(*command, **options):
    """What the command prints; raises with all of its words when it fails."""
    options.setdefault("env", dict(os.environ, LC_ALL="C.UTF-8"))
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        **options
    )
    text = done.stdout.decode(errors="replace")
    if done.returncode != 0:
        raise AssertionError("%s: status %d\n%s" % (" ".join(command), done.returncode, text))
    return text


def files_below(*path):
    """The files of a folder of the source, by their paths below it."""
    top = os.path.join(SOURCE, *path)
    return {
        os.path.relpath(os.path.join(folder, name), top)
        for folder, _, names in os.walk(top)
        for name in names
    }


def grafana_files(share):
    """Where the files of grafana/ belong, in a package whose folder for them is share, but for
    what tells Grafana."""
    return {
        os.path.join(share, kind, name)
        for kind in ("alertmanager", "generated", "prometheus", "provisioning")
        for name in files_below("grafana", kind)
    }


def grafana_pages():
    return {name for name in files_below("grafana") if re.fullmatch(r"\w+\.md", name)}
