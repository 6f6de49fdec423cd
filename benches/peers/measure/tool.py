"""An incident tool with a long history: PagerDuty's REST API as far as a first sync and a catalogue need it.

Run as `tool.py PORT INCIDENTS SERVICES FIXTURE`. Its pages are as PagerDuty makes them: at most 100 items, offsets up to
10,000, whole seconds. One incident in a hundred is open; the others were resolved an hour after they began.
"""

import http.server
import json
import sys
import time
from bisect import bisect_left, bisect_right
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

PORT, INCIDENTS, SERVICES = map(int, sys.argv[1:4])
STEP, DURATION, OPEN_EVERY = 69, 3600, 100
TEAMS = 50
AREAS = "Account Audit Billing Cart Catalogue Checkout Consent Customer Delivery Discount Email Fraud Identity Inventory " \
    "Invoice Ledger Loyalty Media Order Payments Pricing Returns Search Shipping Tax".split()
PARTS = "API admin archive batch cache consumer database events exporter frontend gateway importer index jobs metrics " \
    "proxy queue scheduler storage worker".split()
PLACES = "ap-east-1 ap-northeast-1 ap-northeast-2 ap-south-1 ap-southeast-1 ap-southeast-2 ca-central-1 eu-central-1 " \
    "eu-north-1 eu-south-1 eu-west-1 eu-west-2 eu-west-3 me-south-1 sa-east-1 us-east-1 us-east-2 us-gov-1 us-west-1 " \
    "us-west-2".split()
NAMES = [f"{area} {part} {place}" for area in AREAS for part in PARTS for place in PLACES][:SERVICES]

FIRST = int(time.time()) - STEP * INCIDENTS - 2 * DURATION
TEMPLATE = json.load(open(sys.argv[4]))["incidents"][0]


def instant(seconds):
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def created(number):
    return FIRST + STEP * number


def service(number):
    key = f"PSVC{number:06}"
    page = f"https://acme.pagerduty.com/services/{key}"
    return {"id": key, "type": "service_reference", "summary": NAMES[number], "html_url": page}


# Text between two placeholders costs far less to fill in than an object to serialize.
def template():
    incident = dict(TEMPLATE, id="@id@", title="Checkout 5xx rate above 4%, number @number@", created_at="@created@")
    incident |= {"updated_at": "@updated@", "status": "@status@", "resolved_at": "@resolved@", "service": "@service@"}
    return json.dumps(incident).replace('"@service@"', "@service@")


TEXT = template()
SERVICE_TEXTS = [json.dumps(service(number)) for number in range(min(SERVICES, TEAMS))]


def incident(number):
    is_open = number % OPEN_EVERY == 0
    updated = instant(created(number) + (0 if is_open else DURATION))
    text = TEXT.replace('"@resolved@"', "null" if is_open else f'"{updated}"')
    for name, value in (
        ("@id@", f"QSYNC{number:08}"), ("@number@", str(number)), ("@created@", instant(created(number))),
        ("@updated@", updated), ("@status@", "triggered" if is_open else "resolved"),
        ("@service@", SERVICE_TEXTS[number % len(SERVICE_TEXTS)]),
    ):
        text = text.replace(name, value)
    return text


ALL = range(INCIDENTS)
OPEN = range(0, INCIDENTS, OPEN_EVERY)
RESOLVED = [number for number in reversed(ALL) if number % OPEN_EVERY]


def select(query):
    if query.get("sort_by") == "resolved_at:desc":
        return RESOLVED
    if query.get("date_range") == "all":
        return OPEN
    since, until = (datetime.fromisoformat(query[name]).timestamp() for name in ("since", "until"))
    return ALL[bisect_left(ALL, since, key=created):bisect_right(ALL, until, key=created)]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def log_message(self, *_):
        pass

    def do_GET(self):
        url = urlsplit(self.path)
        query = {name: values[-1] for name, values in parse_qs(url.query).items()}
        limit, offset = int(query.get("limit", 100)), int(query.get("offset", 0))
        status, body = 200, "{}"
        if limit > 100 or offset + limit > 10_000:
            status, body = 400, '{"error":{"message":"Offset must be within limits"}}'
        elif url.path == "/incidents":
            numbers = select(query)
            items = ",".join(map(incident, numbers[offset:offset + limit]))
            more = str(offset + limit < len(numbers)).lower()
            body = f'{{"incidents":[{items}],"limit":{limit},"offset":{offset},"more":{more},"total":{len(numbers)}}}'
        elif url.path == "/services":
            items = [service(number) for number in range(SERVICES)[offset:offset + limit]]
            body = json.dumps({"services": items, "more": offset + limit < SERVICES})
        elif url.path == "/log_entries":
            body = '{"log_entries":[],"more":false}'
        elif url.path == "/priorities":
            body = '{"priorities":[]}'
        else:
            status = 404
        data = body.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(data)


http.server.ThreadingHTTPServer(("127.0.0.1", PORT), Handler).serve_forever()
