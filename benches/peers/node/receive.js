// Lean webhook receivers: the HMAC is checked, the webhook stored by one INSERT, then 202; 200 if it is stored already.
// `receive.js sqlite FILE` or `receive.js postgres URL`. PORT, SECRET.
'use strict';
const http = require('node:http');
const { createHmac, timingSafeEqual } = require('node:crypto');

const [kind, where] = process.argv.slice(2);
const { PORT, SECRET } = process.env;

function openSqlite() {
  const db = require('better-sqlite3')(where);
  db.pragma('journal_mode = WAL');
  db.pragma('synchronous = FULL');
  db.exec('CREATE TABLE IF NOT EXISTS inbox (id INTEGER PRIMARY KEY, event TEXT NOT NULL UNIQUE, body BLOB NOT NULL)');
  const insert = db.prepare('INSERT INTO inbox (event, body) VALUES (?, ?) ON CONFLICT DO NOTHING');
  return (event, body) => insert.run(event, body).changes;
}

async function openPostgres() {
  const { Pool } = require('pg');
  const pool = new Pool({ connectionString: where, max: 32 });
  pool.on('error', () => {});
  await pool.query('CREATE TABLE IF NOT EXISTS queue (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, '
    + 'event text NOT NULL UNIQUE, body bytea NOT NULL, done boolean NOT NULL DEFAULT false)');
  const text = 'INSERT INTO queue (event, body) VALUES ($1, $2) ON CONFLICT DO NOTHING';
  return async (event, body) => (await pool.query({ name: 'insert', text, values: [event, body] })).rowCount;
}

function isGenuine(req, body) {
  const sent = Buffer.from(req.headers['x-pagerduty-signature'] ?? '');
  const right = Buffer.from('v1=' + createHmac('sha256', SECRET).update(body).digest('hex'));
  return sent.length === right.length && timingSafeEqual(sent, right);
}

async function main() {
  const store = kind === 'sqlite' ? openSqlite() : await openPostgres();
  http.createServer((req, res) => {
    const parts = [];
    req.on('data', part => parts.push(part));
    req.on('end', async () => {
      const answer = status => res.writeHead(status, { 'Content-Length': 0 }).end();
      const body = Buffer.concat(parts);
      if (req.method !== 'POST') return answer(200);
      if (!isGenuine(req, body)) return answer(401);
      try {
        const stored = store(JSON.parse(body).event.id, body);
        answer((kind === 'sqlite' ? stored : await stored) ? 202 : 200);
      } catch {
        answer(503);
      }
    });
  }).listen(Number(PORT), '127.0.0.1');
}
main();
