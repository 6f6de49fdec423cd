"""Load and checks: the generator, signed requests, the altered-URL check, the disk's own sync rate."""

import base64
import hashlib
import hmac
import itertools
import json
import os
import pathlib
import subprocess
import sys
import time
from urllib.parse import parse_qsl, quote

from servers import ask

CLIENT_KEY = "a6f3ad11-peers"
SECRET = "a shared secret as long as Jira makes them, which is sixty-four!"
WEBHOOK_SECRET = "a webhook secret as long as PagerDuty makes them, which is sixty-four"
WEBHOOKS = "/webhooks/pd"
# What people type, letter by letter.
TYPED = ["checkout api", "payments worker", "search index eu", "tax gateway us-west"]


class Void(Exception):
    """The run shows nothing, because a peer does not do what it is measured for."""


class Load:
    """The generator, its template of a webhook, and a counter, so that every webhook of a run is another one."""

    def __init__(self, binary, folder, fixture):
        self.binary, self.folder = binary, pathlib.Path(folder)
        event = json.loads(pathlib.Path(fixture).read_text())
        event["event"]["id"] = "01BENCH{number}"
        event["event"]["data"]["id"] = "QBENCH{number}"
        event["event"]["data"]["title"] = "Checkout 5xx rate above 4%, {number}"
        self.template = self.folder / "webhook.json"
        self.template.write_text(json.dumps(event, separators=(",", ":")))
        self.numbers = itertools.count(step=1_000_000)

    def run(self, server, connections, seconds, what, **more):
        order = {"address": server.address, "connections": connections, "seconds": seconds, "what": what, **more}
        before = server.cpu_seconds()
        done = subprocess.run([self.binary, json.dumps(order)], capture_output=True, text=True, timeout=seconds + 120)
        if done.returncode:
            raise RuntimeError(done.stderr)
        outcome = json.loads(done.stdout)
        if outcome["refused"] and "acknowledged" not in more:
            raise Void(f"{server.process.args[0]} refused: {outcome['statuses']}")
        outcome["cpu_us"] = (server.cpu_seconds() - before) / max(1, outcome["answered"]) * 1e6
        return outcome

    def post_webhooks(self, server, connections, seconds, first=None, **more):
        what = {"template": str(self.template), "secret": WEBHOOK_SECRET, "path": WEBHOOKS}
        what["first"] = next(self.numbers) if first is None else first
        numbers = more.pop("numbers", None)
        return self.run(server, connections, seconds, {"webhooks": {**what, "numbers": numbers}}, **more)

    def webhook(self, number):
        """One signed webhook: body and headers."""
        body = self.template.read_text().replace("{number}", f"{number:013}").encode()
        signature = hmac.new(WEBHOOK_SECRET.encode(), body, hashlib.sha256).hexdigest()
        return body, {"content-type": "application/json", "x-pagerduty-signature": f"v1={signature}"}

    def check_webhooks(self, server):
        """A signed webhook is taken; with one byte altered it is refused."""
        body, headers = self.webhook(next(self.numbers))
        altered = body.replace(b"Checkout", b"Checkou7", 1)
        answers = [ask(server.port, "POST", WEBHOOKS, text, headers)[0] for text in (body, altered)]
        if answers != [202, 401]:
            raise Void(f"{server.process.args}: an altered webhook, {answers}")


def encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def token(method, target, seconds=1800):
    """A token of Jira for one request, as Atlassian's libraries make it."""
    path, _, query = target.partition("?")
    pairs = sorted((quote(name, safe="~"), quote(value, safe="~")) for name, value in parse_qsl(query))
    canonical = f"{method}&{path}&{'&'.join(f'{name}={value}' for name, value in pairs)}"
    now = int(time.time())
    claims = {"iss": CLIENT_KEY, "iat": now, "exp": now + seconds, "qsh": hashlib.sha256(canonical.encode()).hexdigest()}
    signed = ".".join(encode(json.dumps(part).encode()) for part in ({"typ": "JWT", "alg": "HS256"}, claims))
    return f"{signed}.{encode(hmac.new(SECRET.encode(), signed.encode(), hashlib.sha256).digest())}"


class Calls:
    """Signed calls of one kind, made beforehand and sent in turn."""

    def __init__(self, folder, name, method, targets, body=""):
        self.method, self.targets, self.body = method, targets, body
        self.file = pathlib.Path(folder) / f"{name}.json"
        self.file.write_text(json.dumps([self.request(target) for target in targets]))

    def headers(self, target):
        return {"Authorization": f"JWT {token(self.method, target)}", "Content-Type": "application/json"}

    def request(self, target):
        head = "".join(f"{name}: {value}\r\n" for name, value in self.headers(target).items())
        start = f"{self.method} {target} HTTP/1.1\r\nHost: peer\r\n{head}Content-Length: {len(self.body)}\r\n\r\n"
        return start + self.body

    def answer(self, server, target):
        return ask(server.port, self.method, target, self.body, self.headers(target))

    def check(self, server):
        """A signed call is answered; the same with its URL altered after signing is refused."""
        target = self.targets[0]
        altered = target + ("&" if "?" in target else "?") + "limit=11"
        headers = self.headers(target)
        answers = [ask(server.port, self.method, url, self.body, headers)[0] for url in (target, altered)]
        if answers[0] != 200 or answers[1] not in (401, 403):
            raise Void(f"{server.process.args}: a call with an altered URL, {answers}")


def search_calls(folder):
    texts = [typed[:end] for typed in TYPED for end in range(2, len(typed) + 1)]
    targets = [f"/jira/containers/search?searchQuery={quote(text)}&limit=10" for text in texts]
    return Calls(folder, "search", "GET", targets)


def fetch_calls(folder):
    return Calls(folder, "fetch", "POST", ["/jira/workspaces/fetch"], json.dumps({"ids": ["pd:account"]}))


def syncs_per_second(folder, seconds=0.25):
    """What the disk under `folder` does: writes of 4 KiB in place, each followed by fdatasync, as a log does them."""
    path, page, slots = pathlib.Path(folder) / "syncs", b"\7" * 4096, 256
    file = os.open(path, os.O_CREAT | os.O_RDWR)
    try:
        os.write(file, page * slots)
        os.fsync(file)
        count, start = 0, time.perf_counter()
        while time.perf_counter() - start < seconds:
            os.pwrite(file, page, count % slots * 4096)
            os.fdatasync(file)
            count += 1
        return count / (time.perf_counter() - start)
    finally:
        os.close(file)
        path.unlink()


if __name__ == "__main__":
    print(syncs_per_second(sys.argv[1]))
