"""FastAPI and atlassian-jwt, the installation in memory; served by uvicorn with uvloop. CLIENT_KEY, SECRET."""

import os

import atlassian_jwt
from fastapi import Depends, FastAPI, HTTPException, Request

SECRETS = {os.environ["CLIENT_KEY"]: os.environ["SECRET"]}


class Authenticator(atlassian_jwt.Authenticator):
    def get_shared_secret(self, client_key):
        return SECRETS[client_key]


authenticator = Authenticator()


async def verify(request: Request):
    target = request.scope["raw_path"].decode() + "?" + request.scope["query_string"].decode()
    try:
        authenticator.authenticate(request.method, target, request.headers)
    except Exception as refusal:
        raise HTTPException(401) from refusal


app = FastAPI(openapi_url=None)


@app.get("/healthz")
async def healthz():
    return {}


@app.get("/jira/containers/search", dependencies=[Depends(verify)])
async def search_containers():
    return {"containers": []}


@app.post("/jira/workspaces/fetch", dependencies=[Depends(verify)])
async def fetch_workspaces(body: dict):
    return {"workspaces": []}
