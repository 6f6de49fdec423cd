// A plain first sync: reads the tool page by page and submits to Jira in batches of 1,000, one after the other. It keeps
// nothing on disk, checks no answer but its status, and starts again from nothing when it fails.
// PORT, TOOL, JIRA, DESCRIPTOR (a file); it syncs as soon as it is installed, then exits.
'use strict';
const fs = require('node:fs');
const http = require('node:http');
const jwt = require('atlassian-jwt');

const { PORT, TOOL, JIRA, DESCRIPTOR } = process.env;
const descriptor = fs.readFileSync(DESCRIPTOR, 'utf8');
const WINDOW = 7 * 86_400_000;
const AGE = 90 * 86_400_000;
const LEVELS = ['P1', 'P2', 'P3', 'P4', 'P5'];

async function* readIncidents() {
  const now = Date.now();
  for (let since = now - AGE; since < now; since += WINDOW) {
    for (let offset = 0, more = true; more; offset += 100) {
      const until = new Date(Math.min(since + WINDOW, now) - 1).toISOString();
      const query = `since=${new Date(since).toISOString()}&until=${until}&limit=100&offset=${offset}`;
      const page = await (await fetch(`${TOOL}/incidents?${query}`)).json();
      yield* page.incidents;
      more = page.more;
    }
  }
}

function toJira(incident) {
  return {
    schemaVersion: '1.0',
    id: `pd:${incident.id}`,
    updateSequenceNumber: Date.parse(incident.updated_at),
    affectedComponents: [`pd:${incident.service.id}`],
    summary: incident.title,
    description: incident.title,
    url: incident.html_url,
    createdDate: incident.created_at,
    lastUpdated: incident.updated_at,
    severity: { level: LEVELS.find(level => level === incident.priority?.name) ?? 'unknown' },
    status: incident.status === 'resolved' ? 'resolved' : 'open',
  };
}

async function submit(installation, incidents) {
  const path = '/rest/operations/1.0/bulk';
  const iat = Math.floor(Date.now() / 1000);
  const qsh = jwt.createQueryStringHash({ method: 'POST', pathname: path, query: {} }, false);
  const claims = { iss: JSON.parse(descriptor).key, aud: [installation.clientKey], iat, exp: iat + 180, qsh };
  const token = jwt.encodeSymmetric(claims, installation.sharedSecret, jwt.SymmetricAlgorithm.HS256);
  const answer = await fetch(JIRA + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `JWT ${token}` },
    body: JSON.stringify({ properties: { source: 'pd', workspace: 'pd' }, incidents: incidents.map(toJira) }),
  });
  if (answer.status !== 202) throw new Error(`${answer.status} ${await answer.text()}`);
  await answer.arrayBuffer();
}

async function sync(installation) {
  let batch = [];
  for await (const incident of readIncidents()) {
    batch.push(incident);
    if (batch.length === 1000) {
      await submit(installation, batch);
      batch = [];
    }
  }
  if (batch.length) await submit(installation, batch);
  process.exit(0);
}

let syncing = false;
http.createServer(async (req, res) => {
  if (req.method === 'GET') return res.writeHead(200, { 'content-type': 'application/json' }).end(descriptor);
  let text = '';
  for await (const part of req) text += part;
  res.writeHead(204).end();
  if (req.url.startsWith('/connect/installed') && !syncing) {
    syncing = true;
    setImmediate(sync, JSON.parse(text));
  }
}).listen(Number(PORT), '127.0.0.1');
