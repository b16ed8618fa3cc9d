"""Words that are longer than a page is wide: nothing of them is cut off."""

import pytest

import attune_nb

WIDTH = 900
WORD = "y" * 140


def fail(_):
    raise ValueError(WORD)


def show_failure():
    text = "tasks: [{name: a, action: fail, with_items: [1, 2], input: {_: '{{ item }}'}}]"
    return attune_nb.loads(text).run(actions={"fail": fail}, progress=False)._repr_html_()


def show_handled_failure():
    text = """
    tasks:
      - {name: a, action: fail, input: {_: 1}, on_failure: b}
      - {name: b, action: core.noop}
    """
    return attune_nb.loads(text).run(actions={"fail": fail}, progress=False)._repr_html_()


DISPLAYS = {"a failed run": show_failure, "a handled failure": show_handled_failure}


@pytest.fixture
def page(lab):
    page = lab.browser.new_page(viewport={"width": WIDTH, "height": 600})
    yield page
    page.close()


@pytest.mark.slow
@pytest.mark.parametrize("show", DISPLAYS.values(), ids=DISPLAYS)
def test_a_long_word_stays_on_the_page(page, show):
    page.set_content(show())

    assert WORD in page.content()
    assert page.evaluate("document.documentElement.scrollWidth") <= WIDTH
