"""Rasa's server on loopback, what one asks of it, and the server that it fetches models from."""

import hashlib
import json
import subprocess
import threading
import time
import urllib.request
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.ways_in.processes import free_port, listening, rasa_command, running

YAML = "application/x-yaml"


class Server:
    """A running server of Rasa."""

    def __init__(self, port, process, log):
        self.port, self.process, self.log = port, process, log

    def request(self, method, path, body=None, kind="application/json"):
        """The body of the answer; HTTPError if the server does not agree."""
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        address = f"http://127.0.0.1:{self.port}{path}"
        request = urllib.request.Request(address, data, {"Content-Type": kind}, method=method)
        with urllib.request.urlopen(request, timeout=120) as response:
            return response.read()

    def post(self, path, body, **kwargs):
        return json.loads(self.request("POST", path, body, **kwargs))

    def parse(self, text):
        return self.post("/model/parse", {"text": text})

    def say(self, sender, text):
        """What the bot answers to a message of a user."""
        answers = self.post("/webhooks/rest/webhook", {"sender": sender, "message": text})
        return [answer["text"] for answer in answers]

    def wait(self):
        """Return as soon as it answers, which it does when the model is loaded."""
        deadline = time.monotonic() + 180
        while True:
            try:
                return self.request("GET", "/")
            except OSError:
                assert self.process.poll() is None and time.monotonic() < deadline, self.log.read_text()[-4000:]
                time.sleep(0.2)


@contextmanager
def serving(folder, *arguments, env=None, without=()):
    """``rasa run`` in a folder, with whatever arguments, until the end of the block; then its port is free again."""
    port = free_port()
    log = folder / f"server-{port}.log"
    command = rasa_command("run", "--interface", "127.0.0.1", "--port", port, *arguments, without=without)
    with log.open("w") as stream:
        with running(command, folder, env, stdout=stream, stderr=subprocess.STDOUT) as process:
            server = Server(port, process, log)
            server.wait()
            yield server
    assert not listening(port)


class ModelServer(ThreadingHTTPServer):
    """What Rasa's documentation asks of a model server: the archive, or 304 for whoever has it already."""

    def __init__(self, archive):
        super().__init__(("127.0.0.1", 0), _ModelRequest)
        self.archive = archive
        self.answered = []

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server_address[1]}/models/bank"


class _ModelRequest(BaseHTTPRequestHandler):
    def do_GET(self):
        content = self.server.archive.read_bytes()
        etag = hashlib.sha256(content).hexdigest()
        status = 304 if self.headers.get("If-None-Match") == etag else 200
        self.server.answered.append(status)
        self.send_response(status)
        self.send_header("ETag", etag)
        if status == 200:
            self.send_header("filename", self.server.archive.name)
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if status == 200:
            self.wfile.write(content)

    def log_message(self, *arguments):
        """Say nothing."""


@contextmanager
def serving_models(archive):
    with ModelServer(archive) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
