// Lean Node: express and atlassian-jwt, the installation in memory. PORT, CLIENT_KEY, SECRET.
'use strict';
const express = require('express');
const jwt = require('atlassian-jwt');

const { PORT, CLIENT_KEY, SECRET } = process.env;
const secrets = new Map([[CLIENT_KEY, SECRET]]);
const HS256 = jwt.SymmetricAlgorithm.HS256;

function verify(req, res, next) {
  try {
    const token = /^JWT (.+)$/.exec(req.headers.authorization)[1];
    const { iss } = jwt.decodeSymmetric(token, '', HS256, true);
    const claims = jwt.decodeSymmetric(token, secrets.get(iss), HS256);
    const hash = jwt.createQueryStringHash(jwt.fromExpressRequest(req), false);
    if (claims.qsh !== hash || claims.exp < Date.now() / 1000) throw new Error('refused');
    next();
  } catch {
    res.status(401).end();
  }
}

const app = express();
app.disable('x-powered-by');
app.disable('etag');
app.get('/healthz', (req, res) => res.json({}));
app.get('/jira/containers/search', verify, (req, res) => res.json({ containers: [] }));
app.post('/jira/workspaces/fetch', verify, express.json(), (req, res) => res.json({ workspaces: [] }));
app.listen(Number(PORT), '127.0.0.1');
