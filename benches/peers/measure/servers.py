"""Child processes: starting them, waiting for their first answer, their CPU time and memory, ending them."""

import contextlib
import http.client
import os
import pathlib
import signal
import socket
import subprocess
import time

TICK = os.sysconf("SC_CLK_TCK")
START_LIMIT = 60.0


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Server:
    """A process and its children.

    `ready` is the path of a GET that is answered once it serves; without it nothing is waited for.
    """

    def __init__(self, command, port, ready=None, env=None, ready_port=None, user=None, log=None):
        self.port = port
        self.log = open(log, "ab") if log else subprocess.DEVNULL
        self.started = time.perf_counter()
        self.process = subprocess.Popen(
            [str(part) for part in command], env={**os.environ, **(env or {})}, user=user, cwd="/",
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, start_new_session=True,
        )
        self.start_seconds = None
        if ready:
            self.wait_until_ready(ready_port or port, ready)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    def wait_until_ready(self, port, path):
        while True:
            with contextlib.suppress(OSError, http.client.HTTPException):
                if ask(port, "GET", path)[0] < 500:
                    break
            if self.process.poll() is not None or time.perf_counter() - self.started > START_LIMIT:
                raise RuntimeError(f"{self.process.args} does not start")
            time.sleep(0.001)
        self.start_seconds = time.perf_counter() - self.started

    def pids(self):
        """The process and its children: PostgreSQL's are in sessions of their own."""
        yield self.process.pid
        for children in pathlib.Path(f"/proc/{self.process.pid}/task").glob("*/children"):
            with contextlib.suppress(OSError):
                yield from map(int, children.read_text().split())

    def cpu_seconds(self) -> float:
        """CPU time that the processes used so far, user and system; children that have ended included."""
        total = 0
        for pid in self.pids():
            with contextlib.suppress(OSError):
                fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                total += sum(map(int, fields[11:15]))
        return total / TICK

    def running_seconds(self) -> float:
        """The same to the nanosecond, but without the threads that have ended: for what hardly runs."""
        total = 0
        for pid in self.pids():
            for file in pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat"):
                with contextlib.suppress(OSError):
                    total += int(file.read_text().split()[0])
        return total / 1e9

    def memory_mb(self) -> tuple[float, float]:
        """Resident memory, and the proportional share of it, which counts shared pages once."""
        resident = shared = 0
        for pid in self.pids():
            with contextlib.suppress(OSError):
                for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                    name, _, value = line.partition(":")
                    resident += int(value.split()[0]) if name == "Rss" else 0
                    shared += int(value.split()[0]) if name == "Pss" else 0
        return resident / 1024, shared / 1024

    def peak_mb(self) -> float:
        text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(text.partition("VmHWM:")[2].split()[0]) / 1024

    def stop(self, how=signal.SIGKILL):
        if self.process.poll() is None:
            if how == signal.SIGKILL:
                os.killpg(self.process.pid, how)
            else:
                self.process.send_signal(how)
        self.process.wait()
        if self.log != subprocess.DEVNULL:
            self.log.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def ask(port, method, path, body=None, headers=None, timeout=10):
    """One request on a connection of its own: status and body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()
