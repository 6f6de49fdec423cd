"""A site whose secret is known, for the verified actions: it installs the program and takes what it submits.

It checks nothing; the program's own simulator does, where what arrives matters.
"""

import http.server
import json
import threading
import time
from hashlib import sha256

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from load import CLIENT_KEY, SECRET
from servers import ask


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if self.path.startswith("/install-keys/"):
            return self.answer(200, self.server.public_key)
        return self.answer(404, b"")

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"null")
        if "linkedWorkspaces" in self.path:
            return self.answer(202, json.dumps({"acceptedWorkspaceIds": body["workspaceIds"]}).encode())
        name, items = ("Components", "devopsComponents") if "components" in self.path else ("Incidents", "incidents")
        ids = [item["id"] for item in body.get(items, [])]
        answer = {f"accepted{name}": ids, f"failed{name}": {}, "unknownProjectKeys": []}
        return self.answer(202, json.dumps(answer).encode())


class Jira:
    def __init__(self):
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        encoding, form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        self.server.public_key = self.key.public_key().public_bytes(encoding, form)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def install(self, port):
        path, base, now = "/connect/installed", f"http://127.0.0.1:{port}", int(time.time())
        claims = {"iss": CLIENT_KEY, "aud": [base], "iat": now, "exp": now + 600, "sub": "peers"}
        claims["qsh"] = sha256(f"POST&{path}&".encode()).hexdigest()
        signed = jwt.encode(claims, self.key, "RS256", headers={"kid": "peers"})
        body = {
            "key": "incident-bridge", "clientKey": CLIENT_KEY, "sharedSecret": SECRET, "baseUrl": self.url,
            "displayUrl": self.url, "productType": "jira", "description": "peers", "serverVersion": "1",
            "pluginsVersion": "1", "eventType": "installed",
        }
        headers = {"Authorization": f"JWT {signed}", "Content-Type": "application/json"}
        status, answer = ask(port, "POST", path, json.dumps(body), headers)
        if status != 204:
            raise RuntimeError(f"installed: {status} {answer.decode()}")

    def stop(self):
        self.server.shutdown()
