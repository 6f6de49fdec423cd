"""The programs that the service is compared with, each started by one call."""

import contextlib
import os
import pathlib
import signal
import subprocess
import sys
import tempfile

from load import CLIENT_KEY, SECRET, WEBHOOK_SECRET
from servers import Server, free_port

HERE = pathlib.Path(__file__).resolve().parent.parent


class Tools:
    """Where the run's programs and files are."""

    def __init__(self, target):
        self.target = pathlib.Path(target)
        self.modules = self.target / "node/node_modules"
        self.load, self.bare = (self.target / f"rust/release/{name}" for name in ("load", "bare"))
        self.slow = self.target / "slow-sync.so"

    def slow_env(self, slow_ms):
        return {"LD_PRELOAD": str(self.slow), "SLOW_SYNC_US": str(slow_ms * 1000)} if slow_ms else {}

    def node(self, script, *arguments, ready="/healthz", env=None, log=None):
        port = free_port()
        env = {"NODE_PATH": str(self.modules), "NODE_ENV": "production", "PORT": str(port), **(env or {})}
        return Server(["node", HERE / "node" / script, *arguments], port, ready, env, log=log)

    def express(self, folder):
        return self.node("express.js", env={"CLIENT_KEY": CLIENT_KEY, "SECRET": SECRET}, log=folder / "express.log")

    def connect_express(self, folder):
        env = {"CLIENT_KEY": CLIENT_KEY, "SECRET": SECRET, "FOLDER": str(folder)}
        return self.node("connect-express.js", env=env, log=folder / "connect-express.log")

    def fastapi(self, folder):
        port = free_port()
        env = {"CLIENT_KEY": CLIENT_KEY, "SECRET": SECRET, "PYTHONPATH": str(HERE / "python")}
        command = [sys.executable, "-m", "uvicorn", "fastapi_peer:app", "--port", port, "--no-access-log"]
        command += ["--loop", "uvloop", "--http", "httptools"]
        return Server(command, port, "/healthz", env, log=folder / "fastapi.log")

    def bare_actix(self, folder, answers=None, verify=False):
        port = free_port()
        file = folder / "answers.json"
        if answers is None:
            file.write_text("{}")
        else:
            file.write_text(answers)
        command = [self.bare, port, file, CLIENT_KEY, SECRET, WEBHOOK_SECRET, *(["verify"] if verify else [])]
        return Server(command, port, "/healthz", log=folder / "bare.log")

    def lean_sqlite(self, folder, env=None):
        env = {"SECRET": WEBHOOK_SECRET, **(env or {})}
        return self.node("receive.js", "sqlite", folder / "lean.db", env=env, log=folder / "lean.log")

    def lean_postgres(self, postgres, folder, database="queue"):
        env = {"SECRET": WEBHOOK_SECRET}
        return self.node("receive.js", "postgres", postgres.url(database), env=env, log=folder / "queue.log")


def find_postgres_bin():
    """Debian keeps the server's programs outside PATH, one folder per version."""
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    if not found:
        raise SystemExit("PostgreSQL's server is missing: `tests/run --install-only` installs it")
    return found[-1].parent


class Postgres:
    """A cluster of the run's own, durable as Debian configures it: fsync and synchronous_commit on."""

    def __init__(self, folder, env=None):
        self.bin, self.env = find_postgres_bin(), env or {}
        # Short, because the path of a socket may have 107 characters; PostgreSQL refuses to run as root.
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="pg", dir=folder))
        self.user = "postgres" if os.geteuid() == 0 else None
        if self.user:
            subprocess.check_call(["chown", self.user, self.folder])
        options = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C"]
        self.call("initdb", "-D", self.folder / "data", *options)
        self.server = None
        self.start()

    @staticmethod
    def program(name):
        return str(find_postgres_bin() / name)

    def call(self, program, *arguments):
        command = [str(part) for part in (self.bin / program, *arguments)]
        subprocess.run(command, check=True, capture_output=True, user=self.user, cwd="/")

    def start(self):
        settings = ["listen_addresses=", f"unix_socket_directories={self.folder}", "max_connections=200"]
        command = [self.bin / "postgres", "-D", self.folder / "data"]
        for setting in settings:
            command += ["-c", setting]
        self.server = Server(command, 5432, env=self.env, user=self.user, log=self.folder / "log")
        self.wait_until_ready()

    def wait_until_ready(self):
        while subprocess.run([self.bin / "pg_isready", "-q", "-h", self.folder], check=False).returncode:
            if self.server.process.poll() is not None:
                raise RuntimeError((self.folder / "log").read_text())

    def database(self, name):
        """A new, empty database."""
        with contextlib.suppress(subprocess.CalledProcessError):
            self.call("dropdb", "--force", "-h", self.folder, "-U", "postgres", name)
        self.call("createdb", "-h", self.folder, "-U", "postgres", name)

    def url(self, name):
        return f"postgres://postgres@localhost:5432/{name}?host={self.folder}"

    def stop(self):
        """As after a crash, but without leaving its shared memory behind."""
        self.server.stop(signal.SIGQUIT)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
