"""A loopback API with an attempt that calls it."""

import json
import urllib.error
import urllib.request
from contextlib import contextmanager
from typing import NamedTuple

from attune_nb.packs.api.keys import Keys
from attune_nb.packs.api.run_services import RunServices
from attune_nb.packs.api.server import PackApi
from attune_nb.packs.artifacts.registry import ArtifactRegistry
from attune_nb.packs.attempt_token import AttemptIdentity, make_token

API_KEY = "the run's own secret"
IDENTITY = AttemptIdentity(execution=7, action="ticketing.ticket_open")


class Reply(NamedTuple):
    status: int
    content: object

    @property
    def data(self):
        return self.content["data"]


class Attempt:
    """An attempt of a run, which sends requests with its token."""

    def __init__(self, url, identity=IDENTITY):
        self.url = url
        self.token = make_token(API_KEY, identity)

    def call(self, method, path, body=None, **headers):
        data = body
        if body is not None and not isinstance(body, bytes):
            data = json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self.token}", **headers}
        request = urllib.request.Request(self.url + path, data=data, method=method, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                return Reply(response.status, json.load(response))
        except urllib.error.HTTPError as error:
            with error:
                return Reply(error.code, json.load(error))

    def get(self, path, **headers):
        return self.call("GET", path, **headers)

    def post(self, path, body, **headers):
        return self.call("POST", path, body, **headers)

    def put(self, path, body):
        return self.call("PUT", path, body)


@contextmanager
def serve_api(folder, keys=None, **sources):
    """Serve the API of a run with some keys, for one attempt."""
    sources.setdefault("environ", {})
    services = RunServices(Keys(keys, **sources), ArtifactRegistry(folder))
    with PackApi(API_KEY, services) as api:
        attempt = Attempt(api.url)
        attempt.services = services
        yield attempt
