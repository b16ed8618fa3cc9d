"""The start of scripts in Python that call the API of their run without a package."""

__all__ = ["DEFINE_CALL"]

DEFINE_CALL = """
import json, os, sys, urllib.error, urllib.request

def call(method, path, body=None):
    data = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": "Bearer " + os.environ["ATTUNE_API_TOKEN"]}
    url = os.environ["ATTUNE_API_URL"] + "/api/v1" + path
    request = urllib.request.Request(url, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=100) as response:
            return json.load(response)["data"]
    except urllib.error.HTTPError as error:
        print(json.dumps({"error": json.load(error)["error"]}))
        raise SystemExit(1)
"""
