"""A person types into a cell of JupyterLab: a secret, and the commands of the debugger."""

from playwright.sync_api import expect

SETUP = """%load_ext attune_nb
def measure(key):
    size = len(key)
    breakpoint()
    return size
"""
CELL = """%%attune call {options}  # the key is typed
tasks: [{{name: a, action: measure, input: {{key: "{{{{ keystore.key }}}}"}}}}]
output_map: {{size: "{{{{ task.a.result }}}}"}}
"""


def type_into(notebook, number, text):
    """Type a line into the field that a cell shows, and return the kind of the field."""
    locator = notebook.code_cell(number).locator(".jp-Stdin-input").last
    expect(locator).to_be_visible()

    # the element itself: the next field may show before this one is removed
    field = locator.element_handle()
    kind = field.get_attribute("type")
    field.fill(text)
    field.press("Enter")
    field.wait_for_element_state("hidden")
    return kind


def test_a_secret_is_typed_and_a_breakpoint_stops(lab):
    with lab.opened(SETUP, CELL.format(options="--secret key --debug"), "run.output") as notebook:
        notebook.run(0)
        notebook.run(1, wait=False)
        assert type_into(notebook, 1, "open-sesame") == "password"
        expect(notebook.output(1)).to_contain_text("breakpoint()")
        type_into(notebook, 1, "p 'size is', size")
        expect(notebook.output(1)).to_contain_text("('size is', 11)")
        notebook.take_screenshot("breakpoint")
        type_into(notebook, 1, "c")

        notebook.wait_until_idle()
        expect(notebook.output(1)).to_contain_text("succeeded")
        expect(notebook.output(1)).not_to_contain_text("sesame")
        notebook.run(2)
        expect(notebook.output(2)).to_contain_text("{'size': 11}")
