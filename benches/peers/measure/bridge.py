"""The program under test: its configuration, starting it, what it says of itself."""

import base64
import json
import os
import pathlib
import subprocess
import time

from load import WEBHOOK_SECRET
from servers import Server, ask, free_port


class Bridge:
    """One version of the program with a folder of its own, as often as it is started.

    `jira` is the address of a site that may install; `more` is TOML for the source, `extra` for the rest.
    """

    def __init__(self, binary, folder, jira="http://127.0.0.1:9", store=None, more="", extra="", role=None):
        self.binary, self.folder, self.role = binary, pathlib.Path(folder), role
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port, self.operator = free_port(), free_port()
        host = jira.removeprefix("http://")
        self.config = self.folder / "bridge.toml"
        self.config.write_text(f"""
server = {{ listen = "127.0.0.1:{self.port}", base_url = "http://127.0.0.1:{self.port}" }}
operator = {{ listen = "127.0.0.1:{self.operator}" }}
store = {{ url = "{store or f"sqlite://{self.folder}/bridge.db"}" }}
vault = {{ key = "{base64.b64encode(os.urandom(32)).decode()}" }}
log = {{ level = "error" }}
{extra}
[connect]
sites = ["{host}"]
insecure_sites = ["{host}"]
install_key_urls = ["{jira}/install-keys"]
[[sources]]
id = "pd"
type = "pagerduty"
webhook_secrets = ["{WEBHOOK_SECRET}"]
{more}
""")

    def start(self, env=None) -> Server:
        command = [self.binary, "serve", "--config", self.config, *(["--role", self.role] if self.role else [])]
        return Server(command, self.port, "/healthz", env, self.operator, log=self.folder / "log")

    def descriptor(self) -> bytes:
        return subprocess.check_output([self.binary, "descriptor", "--config", self.config])

    def metric(self, series) -> float:
        text = ask(self.operator, "GET", "/metrics")[1].decode()
        lines = [line for line in text.splitlines() if line.startswith(series)]
        return float(lines[0].split()[-1]) if lines else 0.0


class Simulator(Server):
    """The program's own Jira simulator, which checks tokens, scopes and bodies."""

    def __init__(self, binary):
        port = free_port()
        super().__init__([binary, "simulate-jira", "--listen", f"127.0.0.1:{port}"], port, "/simulator/state.json")

    def order(self, method, path, body=None):
        headers = {"content-type": "application/json"}
        status, answer = ask(self.port, method, f"/simulator/{path}", json.dumps(body), headers, timeout=60)
        if status >= 300:
            raise RuntimeError(f"{path}: {status} {answer.decode()}")
        return json.loads(answer or b"null")

    def install(self, base_url):
        return self.order("POST", "install", {"baseUrl": base_url})

    def wait_for(self, incidents, limit=600):
        """Until the site has that many incidents; seconds since the call."""
        start = time.perf_counter()
        while (state := self.order("GET", "state.json"))["incidents"] < incidents:
            if time.perf_counter() - start > limit:
                raise RuntimeError(f"only {state['incidents']} of {incidents} incidents arrived")
            time.sleep(0.02)
        if state["schemaViolations"]:
            raise RuntimeError(f"the site complains: {state['schemaViolations'][:3]}")
        return time.perf_counter() - start
