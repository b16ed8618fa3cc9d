"""The pages of docs/reference are made from the reference and from declarations."""

import re
import subprocess
import sys

import pytest
from support.pages import DOCS

import attune_nb
from attune_nb.cli import app
from attune_nb.cli.output import EXIT_STATUSES
from attune_nb.notebook.command import COMMANDS, MagicCommand, argument
from attune_nb.reference.table import ENTRIES
from reference_pages import INDEX, PAGES, make_pages
from reference_pages.api import INTERNAL_MEMBERS
from reference_pages.links import add_links
from reference_pages.options import command_line_page, notebook_page

FOLDER = DOCS / "reference"
TEXTS = make_pages()

# an old Typer with a new Click
LOSES_HELP = "| `FILE\\|REF` |  |\n" in TEXTS["command-line.md"]
WHY = "this version of Typer loses the help of arguments with this one of Click"


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_up_to_date(name):
    """If it is not: `nox -s reference` writes it."""
    if name == "command-line.md" and LOSES_HELP:
        pytest.skip(WHY)
    assert (FOLDER / name).read_text(encoding="utf-8") == TEXTS[name]


def test_there_is_no_other_page():
    names = {path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*.md")}

    assert names == set(PAGES)


def test_the_command_writes_the_pages_and_removes_others(tmp_path):
    (tmp_path / "old.md").write_text("old")
    subprocess.run(
        [sys.executable, "-m", "reference_pages", str(tmp_path)],
        check=True,
        cwd=DOCS.parent,
        timeout=120,
    )

    names = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.md")}
    assert names == set(PAGES)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: f"{entry.kind}-{entry.name}")
def test_some_page_explains_a_word(entry):
    first_words = " ".join(entry.explanation.split()[:6]).replace("|", "\\|")
    pages = [" ".join(text.split()) for text in TEXTS.values()]

    explaining = [page for page in pages if first_words in page]
    assert any(entry.name in page for page in explaining)


def test_the_index_leads_to_every_page():
    names = [name for pages in INDEX.values() for name in pages]
    # the pages of the API have an index of their own
    expected = {name.removesuffix(".md") for name in PAGES if "/" not in name} | {"api/index"}

    assert set(names) == expected - {"index"}
    assert len(names) == len(set(names))


def test_the_index_calls_each_page_by_its_title():
    titles = dict(re.findall(r"^- \[(.+)\]\((.+)\.md\): ", TEXTS["index.md"], re.MULTILINE))

    assert len(titles) == sum(map(len, INDEX.values()))
    for title, name in titles.items():
        assert f"# {title}\n" in TEXTS[f"{name}.md"]


def test_a_related_word_is_a_link():
    pages = {
        "language.md": "# Keys\n\n## A\n\n### `when`\n\nSee also: <next> <length> <join>\n",
        "other.md": "# Other\n\n```yaml\n### `next`\n```\n\n### `next`\n\n### `join`\n",
    }

    text = add_links(pages)["language.md"]

    assert "[`next`](other.md#next), " in text
    assert "[`length`](expressions.md#functions), " in text


def test_every_related_word_is_a_link():
    text = "\n".join(TEXTS.values())
    lines = re.findall(r"^See also: .*$", text, re.MULTILINE)

    assert len(lines) > 100
    for line in lines:
        assert re.fullmatch(r"See also: (\[`[^`]+`\]\([^)]+\)(, |\.$))+", line), line


def test_every_public_name_is_on_a_page_of_the_api():
    text = "".join(text for name, text in TEXTS.items() if name.startswith("api/"))

    for name in set(attune_nb.__all__) - {"bench", "charts"}:
        pattern = rf"attune_nb(\.errors)?\.{name}(\(\))?$"
        assert re.search(pattern, text, re.MULTILINE), name


@pytest.mark.parametrize("name", INTERNAL_MEMBERS)
def test_every_member_that_is_left_out_exists_and_no_page_names_it(name):
    pages = [path for path in DOCS.rglob("*.md") if "reference" not in path.parts]
    text = "".join(path.read_text(encoding="utf-8") for path in pages)

    for member in INTERNAL_MEMBERS[name]:
        assert hasattr(getattr(attune_nb, name), member), member
        assert f"run.{member}" not in text


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_of_a_command_of_the_magic_is_listed(name):
    section = TEXTS["notebook.md"].partition(f"\n## `%attune {name}`\n")[2].partition("\n## ")[0]
    section = section.replace("`", "")

    for item in COMMANDS[name].arguments:
        assert item.help
        assert f"{item.name}" in section
        assert item.help[1:20].replace("|", "\\|").replace("`", "") in section


def test_a_new_option_of_a_command_appears_on_the_page(monkeypatch):
    def _greet(session, loud):
        """Greet."""

    option = argument("--loud", "", "greet loudly", action="store_true")
    monkeypatch.setitem(COMMANDS, "greet", MagicCommand("greet", _greet, [option]))

    assert notebook_page() != TEXTS["notebook.md"]
    assert "| `--loud` | Greet loudly. |" in notebook_page()


def test_a_new_command_of_the_command_line_appears_on_the_page(monkeypatch):
    def greet(loud: bool = False) -> None:
        """Greet."""

    monkeypatch.setattr(app, "registered_commands", [*app.registered_commands])
    app.command()(greet)

    assert command_line_page() != TEXTS["command-line.md"]
    assert "## `attune-nb greet`" in command_line_page()


def test_every_option_of_the_command_line_is_explained():
    if LOSES_HELP:
        pytest.skip(WHY)
    rows = re.findall(r"^\| `([^`]*)` \|(.*)\|$", TEXTS["command-line.md"], re.MULTILINE)

    assert len(rows) > 100
    for option, meaning in rows:
        assert meaning.strip(), option


def test_every_option_of_a_cell_is_explained():
    rows = re.findall(r"^\| `([^`]*)` \|(.*)\|$", TEXTS["notebook.md"], re.MULTILINE)

    assert len(rows) > 50
    for option, meaning in rows:
        assert meaning.strip(), option


def test_the_exit_statuses_are_those_of_the_command_line():
    docstring = sys.modules["attune_nb.cli"].__doc__

    numbers = {int(number) for number in re.findall(r"\b\d+\b", docstring)}
    assert numbers == set(EXIT_STATUSES)


def test_a_glossary_has_a_heading_for_each_word_of_users():
    terms = [entry for entry in ENTRIES if (entry.kind, entry.form) == ("term", "usual")]

    for term in terms:
        assert f"\n### {term.name}\n" in TEXTS["glossary.md"]
