"""Grafana's own packages from npm, installed for a test and not kept."""

import os
import shutil
import subprocess

# The version whose Grafana writes the schemaVersion that the dashboards have, and what it needs.
GRAFANA = "10.2.3"
TYPES = ["@grafana/schema@" + GRAFANA, "typescript@5.4.5"]
DATA = ["@grafana/data@" + GRAFANA, "react@18.2.0", "react-dom@18.2.0", "rxjs@7.8.1"]


def install(packages, folder):
    """Why they cannot be had, or None."""
    if shutil.which("npm") is None or shutil.which("node") is None:
        return "no npm, an extra"
    options = ["--ignore-scripts", "--no-audit", "--no-fund", "--silent", "--legacy-peer-deps"]
    done = subprocess.run(
        ["npm", "install"] + options + packages,
        cwd=folder,
        env=dict(os.environ, npm_config_cache=os.path.join(folder, "npm")),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=600,
        check=False,
    )
    if done.returncode == 0:
        return None
    return "npm cannot have it: " + " ".join(done.stdout.decode(errors="replace").split())[-200:]
