// Atlassian's own framework, atlassian-connect-express, with its SQLite storage. PORT, CLIENT_KEY, SECRET, FOLDER.
'use strict';
const fs = require('node:fs');
const path = require('node:path');
const { PORT, CLIENT_KEY, SECRET, FOLDER } = process.env;

const base = `http://127.0.0.1:${PORT}`;
process.chdir(FOLDER);
process.env.NODE_ENV = 'production';
fs.writeFileSync('config.json', '{}');
fs.writeFileSync('atlassian-connect.json', JSON.stringify({
  key: 'peer', name: 'peer', baseUrl: base, vendor: { name: 'peer', url: base },
  authentication: { type: 'jwt' }, lifecycle: { installed: '/installed' }, apiMigrations: { 'signed-install': true },
}));

const express = require('express');
const connect = require('atlassian-connect-express');

const app = express();
app.disable('x-powered-by');
app.disable('etag');
// It finds the token only if bodies are parsed first, as in Atlassian's template.
app.use(express.json(), express.urlencoded({ extended: false }));
const store = { adapter: 'sequelize', dialect: 'sqlite', storage: path.join(FOLDER, 'peer.db'), logging: false };
const quiet = { info() {}, warn() {}, error: console.error };
const addon = connect(app, { config: { product: 'jira', production: { port: PORT, localBaseUrl: base, store } } }, quiet);

app.get('/healthz', (req, res) => res.json({}));
app.get('/jira/containers/search', addon.authenticate(), (req, res) => res.json({ containers: [] }));
app.post('/jira/workspaces/fetch', addon.authenticate(), (req, res) => res.json({ workspaces: [] }));
addon.settings.set('clientInfo', { key: 'peer', clientKey: CLIENT_KEY, sharedSecret: SECRET, baseUrl: base }, CLIENT_KEY)
  .then(() => app.listen(Number(PORT), '127.0.0.1'));
