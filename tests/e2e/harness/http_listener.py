"""An HTTP server of the tests' own, in a thread, for the time of a `with`."""

import http.server
import threading


class HttpListener:
    """Answers on loopback by a handler that says nothing on standard error. url ends with path."""

    def __init__(self, handler, path="/", kind=http.server.ThreadingHTTPServer):
        handler.log_message = lambda *_: None
        self.server = kind(("127.0.0.1", 0), handler)
        self.port = self.server.server_port
        self.url = "http://127.0.0.1:%d%s" % (self.port, path)

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
