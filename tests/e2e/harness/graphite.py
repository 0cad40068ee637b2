"""A real carbon-cache and a real graphite-web over the same private storage.

With tags carbon tells graphite-web of each new series, which has to run by then.
"""

import json
import os
import subprocess
import urllib.parse
import urllib.request

from .daemon import Daemon, free_port, listens, need

CARBON = """\
[cache]
STORAGE_DIR = {folder}
CONF_DIR = {folder}/conf
LOG_DIR = {folder}/log
PID_DIR = {folder}
LOCAL_DATA_DIR = {folder}/whisper
USER =
ENABLE_LOGROTATION = False
MAX_CACHE_SIZE = inf
MAX_UPDATES_PER_SECOND = inf
MAX_CREATES_PER_MINUTE = inf
LINE_RECEIVER_INTERFACE = 127.0.0.1
LINE_RECEIVER_PORT = {line}
PICKLE_RECEIVER_INTERFACE = 127.0.0.1
PICKLE_RECEIVER_PORT = {pickle}
CACHE_QUERY_INTERFACE = 127.0.0.1
CACHE_QUERY_PORT = {query}
USE_FLOW_CONTROL = True
LOG_UPDATES = False
LOG_CREATES = True
WHISPER_AUTOFLUSH = True
ENABLE_TAGS = {tags}
GRAPHITE_URL = http://127.0.0.1:{web}
TAG_BATCH_SIZE = 10
TAG_UPDATE_INTERVAL = 10
"""

SCHEMAS = """\
[every_second]
pattern = .*
retentions = 1s:1h
"""

SETTINGS = """\
SECRET_KEY = 'only for this test'
ALLOWED_HOSTS = ['*']
TIME_ZONE = 'UTC'
STORAGE_DIR = {folder!r}
CONF_DIR = {conf!r}
WHISPER_DIR = {whisper!r}
STANDARD_DIRS = [WHISPER_DIR]
LOG_DIR = {folder!r}
LOG_FILE_INFO = LOG_FILE_EXCEPTION = LOG_FILE_CACHE = LOG_FILE_RENDERING = '-'
INDEX_FILE = {index!r}
CARBONLINK_HOSTS = ['127.0.0.1:{query}']
DEFAULT_XFILES_FACTOR = 0
DATABASES = {{'default': {{'ENGINE': 'django.db.backends.sqlite3', 'NAME': {database!r}}}}}
"""


class CarbonCache(Daemon):
    name = "carbon"

    def __init__(self, port=None, tags=False):
        super().__init__()
        self.port = port or free_port()
        self.tags = tags
        self.pickle_port, self.query_port, self.web_port = (free_port() for _ in range(3))

    def prepare(self):
        for folder in ("conf", "log", "whisper"):
            os.mkdir(self.path(folder))
        text = CARBON.format(
            folder=self.folder,
            line=self.port,
            pickle=self.pickle_port,
            query=self.query_port,
            web=self.web_port,
            tags=self.tags,
        )
        self.write("conf/carbon.conf", text)
        self.write("conf/storage-schemas.conf", SCHEMAS)

    def argv(self):
        return [
            need("carbon-cache", "graphite-carbon"),
            "--config=" + self.path("conf", "carbon.conf"),
            "--nodaemon",
            "start",
        ]

    def ready(self):
        return listens(self.port) and listens(self.query_port)

    def metric_names(self):
        """Every stored series, dotted."""
        root = self.path("whisper")
        return {
            os.path.relpath(os.path.join(folder, file), root)[: -len(".wsp")].replace("/", ".")
            for folder, _, files in os.walk(root)
            for file in files
            if file.endswith(".wsp")
        }


class GraphiteWeb(Daemon):
    """graphite-web on the storage of a running CarbonCache."""

    name = "graphite-web"
    start_timeout = 40

    def __init__(self, carbon):
        super().__init__()
        self.carbon = carbon
        self.port = carbon.web_port if carbon.tags else free_port()

    def environment(self):
        return dict(
            super().environment(), PYTHONPATH=self.folder, GRAPHITE_SETTINGS_MODULE="e2e_settings"
        )

    def prepare(self):
        text = SETTINGS.format(
            folder=self.folder,
            conf=self.carbon.path("conf"),
            whisper=self.carbon.path("whisper"),
            index=self.path("index"),
            query=self.carbon.query_port,
            database=self.path("graphite.db"),
        )
        self.write("e2e_settings.py", text)
        done = subprocess.run(
            [need("graphite-manage", "graphite-web"), "migrate", "--run-syncdb"],
            env=self.environment(),
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=60,
            check=False,
        )
        if done.returncode != 0:
            raise AssertionError("graphite-manage migrate failed:\n" + done.stdout.decode())

    def argv(self):
        manage = need("graphite-manage", "graphite-web")
        return [manage, "runserver", "--noreload", "--insecure", "127.0.0.1:%d" % self.port]

    def ready(self):
        return self.render("nothing.at.all") == {}

    def render(self, target, since="-5min"):
        """{series: [(value, time)]} without the empty points; {} while unknown."""
        query = urllib.parse.urlencode({"target": target, "from": since, "format": "json"})
        url = "http://127.0.0.1:%d/render?%s" % (self.port, query)
        with urllib.request.urlopen(url, timeout=10) as answer:
            series = json.loads(answer.read())
        return {
            one["target"]: [(value, time) for value, time in one["datapoints"] if value is not None]
            for one in series
        }
