"""The form of a workflow: its options, its text, and the fields as ipywidgets."""

import pytest
from IPython.core.error import UsageError

import attune_nb
from attune_nb.display.fields import Fields
from attune_nb.errors import ParameterError
from attune_nb.forms.fields import fields_of_parameters

TEXT = """
description: Deploy a release.
parameters:
  servers: {type: integer, minimum: 1, maximum: 10, default: 3, description: how many}
  region: {enum: [eu, us], required: true}
  token: {type: string, secret: true, default: open-sesame}
tasks: [{name: a, action: core.noop}]
"""
SECRET = "swordfish-9"


def load(text=TEXT):
    return attune_nb.loads(text)


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ([{"server": 3}], {}, "there is no parameter `server`; did you mean `servers`?"),
        ([{"servers": 30}], {}, "parameter `servers` does not fit: 30 is greater than the maximum"),
        ([[1]], {}, "`parameters` must be an object, not an array"),
        ([], {"backnd": "inline"}, "there is no option `backnd`; did you mean `backend`?"),
        ([], {"servers": 3}, "there is no option `servers`; values of parameters are passed as"),
        ([], {"background": False}, "a form takes no option `background`: its runs are in the"),
    ],
    ids=["name", "value", "parameters", "option", "parameter as option", "own option"],
)
def test_a_mistake_is_reported_before_the_form_is_shown(arguments, options, message):
    with pytest.raises(ParameterError) as error_info:
        load().form(*arguments, **options)
    assert str(error_info.value).startswith(message)


def test_a_form_has_a_text_without_secrets():
    """A terminal prints it, and a saved notebook keeps it."""
    form = load().form({"servers": 5})
    page = form._repr_html_()

    assert "form of `a`, parameters: servers, region, token" in repr(form)
    for text in ("Deploy a release.", "how many · an integer, 1 to 10", ">5<", ">***<"):
        assert text in page
    assert "open-sesame" not in page + repr(form)


def test_hostile_names_and_texts_stay_text():
    text = """
description: <script>alert(1)</script>
parameters:
  "<img src=x>": {type: string, default: "<b>", description: "<i>"}
tasks: [{name: a, action: core.noop}]
"""
    page = load(text).form()._repr_html_()
    for tag in ("<script>", "<img", "<b>&", "<i>"):
        assert tag not in page


def open_fields(**values):
    """Return the widgets of the parameters, and the input of each by its name."""
    specs = fields_of_parameters(load().parameters)
    fields = Fields(specs, values)
    return fields, {
        spec.name: row.children[0] for spec, row in zip(specs, fields.rows, strict=True)
    }


def test_an_entered_secret_leaves_its_field_at_once():
    """The front end would save the state of the widgets with the notebook."""
    fields, inputs = open_fields()
    inputs["region"].value = 1
    token = inputs["token"]
    assert token.placeholder == "the default, not shown"
    assert fields.read() == {"servers": 3, "region": "us"}

    token.value = SECRET
    assert token.value == ""
    assert token.placeholder == "entered, not shown"
    assert all(SECRET not in str(widget.get_state()) for widget in inputs.values())
    assert fields.read() == {"servers": 3, "region": "us", "token": SECRET}
    # the front end would get it back
    assert not token.trait_metadata("value", "echo_update", default=True)


def test_a_secret_can_be_passed_to_the_form():
    fields, inputs = open_fields(token=SECRET, region="eu")
    assert SECRET not in str(inputs["token"].get_state())
    assert fields.read()["token"] == SECRET


def test_nothing_is_chosen_for_a_person():
    fields, inputs = open_fields()
    assert inputs["region"].label == "choose one"
    assert fields.read() is None
    note = fields.rows[1].children[1].value
    assert 'role="alert"' in note
    assert "`region` needs a value" in note


def test_the_line_of_a_form_has_its_mistakes_reported(ipython):
    ipython.run_cell_magic("attune", "deployed --define", TEXT)

    for line, message in (
        ("form deployd", "did you mean `deployed`?"),
        ("form deployed server=3", "there is no parameter `server`"),
        ("form deployed servers=3 --out 3x", "--out takes a variable's name, not `3x`"),
        ("form deployed --backgroun", "unrecognized arguments: --backgroun"),
    ):
        with pytest.raises(UsageError, match=message):
            ipython.run_line_magic("attune", line)


def test_a_line_fills_in_the_values_of_the_notebook(ipython):
    ipython.run_cell_magic("attune", "deployed --define", TEXT)
    ipython.user_ns["count"] = 7
    form = ipython.run_line_magic("attune", "form deployed servers=count region=eu")
    assert ">7<" in form._repr_html_()
    assert form.run is None
