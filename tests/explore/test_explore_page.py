"""The page of a run as text: it is complete, allows nothing from outside, and holds no secret."""

import base64
import hashlib
import re

import pytest
from support.item_runs import run_work

from attune_nb.errors import ParameterError
from attune_nb.explore.data import build_data
from attune_nb.explore.packed_data import unpack_data
from attune_nb.explore.page import build_module, build_page

HOSTILE = "</script><img src=x onerror=alert(1)>"


def fail_on_three(x):
    if x == 3:
        raise ValueError(HOSTILE)
    return x


def data_of(page):
    """Return the data that a page holds."""
    return unpack_data(re.search(r'id="data">([^<]*)<', page)[1])


@pytest.fixture(scope="module")
def run():
    return run_work(fail_on_three)


def test_a_page_holds_the_data_of_its_run(run):
    assert data_of(build_page(run)) == build_data(run)


def test_a_page_allows_only_its_own_script_and_style(run):
    page = build_page(run)
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1]
    assert policy.startswith("default-src 'none'; ")
    for tag in ("script", "style"):
        text = re.search(f"<{tag}>(.*?)</{tag}>", page, re.DOTALL)[1]
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy


def test_texts_of_a_run_are_no_markup_of_its_page(run):
    page = build_page(run)
    assert HOSTILE not in page
    assert data_of(page)["errors"][0]["message"] == HOSTILE


def test_a_page_says_what_it_is_if_no_script_runs(run):
    assert re.search(r'<p id="static">[^<]*: failed after', build_page(run))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_theme_can_be_forced(run, theme):
    assert f'<html lang="en" data-theme="{theme}">' in build_page(run, theme)


def test_a_theme_that_does_not_exist_is_refused(run):
    with pytest.raises(ParameterError, match=r"^theme: 'blue' is none; it is one of light, dark"):
        build_page(run, "blue")


def test_the_module_defines_all_that_it_exports():
    module = build_module()
    (names,) = re.findall(r"^export \{([^}]*)\};$", module, re.MULTILINE)
    for name in names.split(", "):
        assert re.search(rf"^(async )?(class|const|function) {name}\b", module, re.MULTILINE), name
