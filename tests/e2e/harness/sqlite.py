"""A SQLite database on which another process holds a transaction open, with the real SQLite."""

import glob
import json
import subprocess
import sys

HOLD = """
import sqlite3, sys
path, mode, begin = sys.argv[1:]
database = sqlite3.connect(path, isolation_level=None)
database.execute("PRAGMA journal_mode=" + mode)
database.execute("CREATE TABLE t(x)")
database.execute(begin)
database.execute("INSERT INTO t VALUES (1)")
print("held", flush=True)
sys.stdin.read()
"""
READ = """
import json, sqlite3, sys
try:
    sqlite3.connect(sys.argv[1], timeout=0.5).execute("SELECT COUNT(*) FROM t").fetchall()
    print(json.dumps(False))
except sqlite3.OperationalError as error:
    print(json.dumps(str(error)))
"""


class Database:
    """A new database at the path, with a transaction that has written and is not committed."""

    def __init__(self, path, mode, begin):
        self.path = path
        self.holder = subprocess.Popen(
            [sys.executable, "-c", HOLD, path, mode, begin],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self.pid = self.holder.pid
        if self.holder.stdout.readline() != b"held\n":
            self.__exit__()
            raise RuntimeError("no transaction in %s" % path)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.holder.communicate()

    def files(self):
        """The database and its -wal and -shm, which are open along with it in WAL mode."""
        return [self.path] + glob.glob(glob.escape(self.path) + "-[ws]*")

    def read(self):
        """Whether a reader has to wait: False, or SQLite's error."""
        done = subprocess.run(
            [sys.executable, "-c", READ, self.path], stdout=subprocess.PIPE, check=True
        )
        return json.loads(done.stdout)
