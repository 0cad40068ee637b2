"""A private world for the tests: own pid, network and mount namespaces.

The plugin watches every process of the machine, and a developer who runs these
tests may well have sidecars running, one of them on port 6060. In namespaces of
its own a test sees only what it started, may use any port, may choose the next
pid, and leaves nothing behind: the kernel ends all of it with the first
process. Where the system permits no namespaces the tests run without, and
those that need them are skipped.

As a program it is that first process: it starts Python in namespaces that
python() made, with the arguments that follow.
"""

import os
import shlex
import shutil
import signal
import subprocess
import sys

OUTSIDE = "E2E_OUTER_PID_NAMESPACE"  # the one that python() was called in
_PID_NAMESPACE = "/proc/self/ns/pid"

# write_prometheus asks for an address with AI_ADDRCONFIG: without an address other than
# loopback it would find none to listen on.
_PREPARE = """
mount --make-private /proc &&
mount -t proc -o nosuid,nodev,noexec proc /proc &&
ip link set lo up &&
ip addr add 192.0.2.1/32 dev lo
"""

_TOOLS = (
    ("setpriv", "util-linux"),
    ("unshare", "util-linux"),
    ("mount", "mount"),
    ("ip", "iproute2"),
)


def inside():
    """Do we run in namespaces of our own?"""
    outside = os.environ.get(OUTSIDE)
    return outside is not None and outside != os.readlink(_PID_NAMESPACE)


def _unshare():
    # ends with us, however we end
    command = ["setpriv", "--pdeathsig", "KILL", "--"]
    command += ["unshare", "--pid", "--fork", "--kill-child", "--net", "--mount"]
    if os.geteuid() != 0:
        command += ["--user", "--map-root-user"]
    return command + ["--propagation", "unchanged", "--"]


def why_not():
    """None when namespaces can be had, otherwise the reason."""
    for tool, package in _TOOLS:
        if shutil.which(tool) is None:
            return "no %s (Debian package %s)" % (tool, package)
    try:
        probe = subprocess.run(
            _unshare() + ["sh", "-c", _PREPARE],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=20,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    if probe.returncode != 0:
        return probe.stdout.decode(errors="replace").strip() or "unshare failed"
    return None


def python():
    """The command, as one text, of a Python in namespaces of its own."""
    os.environ[OUTSIDE] = os.readlink(_PID_NAMESPACE)
    return shlex.join(_unshare() + [sys.executable, "-B", os.path.abspath(__file__)])


def end_all():
    """Ends every process inside but the first one and the caller, and waits for its own."""
    assert inside()
    try:
        os.kill(-1, signal.SIGKILL)
        while True:
            os.wait()
    except (ProcessLookupError, ChildProcessError):
        pass  # there is none


def _be_init():
    """As process 1: prepares the namespaces, runs Python in a child, reaps all others.

    Orphans become children of process 1; unreaped they would stay as zombies and
    blur tests that watch processes end.
    """
    subprocess.run(["sh", "-c", _PREPARE], stdin=subprocess.DEVNULL, check=True, timeout=20)
    child = os.fork()
    if child == 0:
        os.execv(sys.executable, [sys.executable, "-B"] + sys.argv[1:])
    while True:
        try:
            pid, status = os.wait()
        except KeyboardInterrupt:
            continue
        if pid == child:
            sys.exit(os.waitstatus_to_exitcode(status) & 0xFF)


if __name__ == "__main__":
    _be_init()
