"""The output of a cell that shows a run's page: an iframe that can do nothing but draw."""

import re
from html import unescape

from attune_nb.explore.run_page import RunPage

PAGE = "<!doctype html><p title=\"it's\">1 < 2 & 3</p><script>'</iframe>'</script>"


def show(page=PAGE, title="Run 7f3a of health"):
    run_page = RunPage(page, summary="<table><td>check</td></table>", text="check", title=title)
    return run_page._repr_mimebundle_()


def test_the_frame_holds_the_whole_page():
    output = show()["text/html"]

    assert unescape(re.search(r'srcdoc="([^"]*)"', output)[1]) == PAGE
    assert output.count("<iframe") == output.count("</iframe>") == 1


def test_the_frame_may_run_its_script_and_nothing_else():
    assert re.search(r'sandbox="([^"]*)"', show()["text/html"])[1] == "allow-scripts"


def test_a_title_cannot_end_the_attribute():
    output = show(title='"><script>alert(1)</script>')["text/html"]

    assert "<script>" not in output


def test_without_frames_there_is_a_table():
    """A notebook that is not trusted is shown without frames and styles."""
    output = show()["text/html"]
    untrusted = re.sub(r"<style>.*?</style>|<iframe.*?</iframe>", "", output, flags=re.DOTALL)

    assert "once this notebook is trusted" in untrusted
    assert "<table><td>check</td></table>" in untrusted


def test_a_terminal_gets_the_run_as_text():
    assert show()["text/plain"].startswith("check\n")


def test_the_output_can_be_sent_whatever_it_contains():
    for text in show(page="\ud800").values():
        text.encode()


def test_the_page_is_written_as_it_is(tmp_path):
    path = RunPage(PAGE, "", "", "").save(tmp_path / "page.html")

    assert path.read_text() == PAGE
