"""The data of a page, and its texts when the page is published."""

import re

from attune_nb.explore.columns import pack_column
from attune_nb.explore.packed_data import change_texts, pack_data, unpack_data
from attune_nb.explore.run_page import RunPage

DATA = {"/home/me": ["/home/me/x.py", 1, None], "start": pack_column([1, 2, 300])}
PAGE = f'<script type="text/plain" id="data">{pack_data(DATA)}</script>'


def hide(text):
    return text.replace("/home/me", "~").replace("AA", "BB")


def data_of(html):
    return unpack_data(re.search(r"data(?:\"|&quot;)(?:>|&gt;)([\w=-]+)", html)[1])


def test_packed_data_never_looks_like_a_path():
    for number in range(100):
        assert "/" not in pack_data([number, "x" * number])


def test_texts_of_a_page_are_changed_and_columns_kept():
    changed = data_of(change_texts(PAGE, hide))

    assert changed["~"] == ["~/x.py", 1, None]
    assert changed["start"] == DATA["start"]


def test_texts_of_a_page_in_a_frame_are_changed():
    output = RunPage(PAGE, "", "", "")._repr_mimebundle_()["text/html"]

    assert "~/x.py" in str(data_of(change_texts(output, hide)))


def test_other_html_stays_as_it_is():
    for html in ("<p>/home/me</p>", '<script type="text/plain" id="data">no data</script>'):
        assert change_texts(html, hide) == html
