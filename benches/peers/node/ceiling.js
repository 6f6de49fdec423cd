// What one SQLite connection can make durable: rows of a webhook's size in groups, WAL, synchronous=FULL.
// `ceiling.js FILE SECONDS TEMPLATE GROUP` prints rows per second.
'use strict';
const fs = require('node:fs');
const [file, seconds, template, group] = process.argv.slice(2);

const db = require('better-sqlite3')(file);
db.pragma('journal_mode = WAL');
db.pragma('synchronous = FULL');
db.exec('CREATE TABLE inbox (id INTEGER PRIMARY KEY, event TEXT NOT NULL UNIQUE, body BLOB NOT NULL)');
const insert = db.prepare('INSERT INTO inbox (event, body) VALUES (?, ?)');
const body = fs.readFileSync(template);
let rows = 0;
const insertGroup = db.transaction(() => {
  for (let n = 0; n < Number(group); n++) insert.run(`01BENCH${String(rows++).padStart(19, '0')}`, body);
});
const start = process.hrtime.bigint();
const elapsed = () => Number(process.hrtime.bigint() - start) / 1e9;
while (elapsed() < Number(seconds)) insertGroup();
console.log(rows / elapsed());
