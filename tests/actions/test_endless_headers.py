"""An answer whose headers never end is given up, and its connection is closed."""

import pytest
from support.hostile_server import serving
from support.item_runs import until

import attune_nb

TEXT = """
tasks:
  - name: a
    action: core.http_request
    timeout: 20
    input: {url: "URL"}
"""


@pytest.mark.parametrize("path", ["/endless-headers", "/endless-extensions"])
def test_headers_without_an_end_fail_the_request(path):
    with serving() as server:
        run = attune_nb.loads(TEXT.replace("URL", server.url + path)).run(
            store="none", progress=False
        )

        assert run.status == "failed"
        until(lambda: server.open == 0)
