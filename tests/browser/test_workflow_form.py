"""A form for the parameters of a workflow is filled in by typing, and starts runs."""

import re

from playwright.sync_api import expect

SETUP = """%load_ext attune_nb
def deploy_to(count, region):
    print("deploying to", region)
    return f"{count} in {region}"
"""
WORKFLOW = """%%attune deploy --define
description: Deploy the release to some servers.
parameters:
  servers: {type: integer, minimum: 1, maximum: 10, default: 3, description: how many of them}
  region: {enum: [eu, us], required: true}
  urgent: {type: boolean, default: false}
  tags: {type: array, items: {type: string}, description: for the log}
  token: {type: string, secret: true, required: true, minLength: 8}
tasks:
  - name: go
    action: deploy_to
    input: {count: "{{ parameters.servers }}", region: "{{ parameters.region }}"}
output_map:
  message: "{{ task.go.result }}"
  tags: "{{ parameters.tags }}"
  urgent: "{{ parameters.urgent }}"
"""
FORM = "form = %attune form deploy\nform"
SECRET = "open-sesame-5"


def type_into(field, text):
    """Replace the text of a field, key by key, and leave it."""
    field.fill("")
    field.press_sequentially(text)
    field.press("Tab")


def test_a_form_is_filled_in_and_starts_a_run(lab):
    cells = (SETUP, WORKFLOW, FORM, "form.run.status, form.run.output", "1 + 1")
    with lab.opened(*cells, height=1100) as notebook:
        for number in (0, 1, 2):
            notebook.run(number)
        form = notebook.output(2)
        expect(form.get_by_label("servers")).to_have_value("3")
        # the panel of a run shall appear in the form's cell, not in the last one
        notebook.run(4)
        notebook.take_screenshot("workflow form")

        type_into(form.get_by_label("servers"), "11")
        expect(form.get_by_role("alert")).to_contain_text("11 is greater than the maximum of 10")
        type_into(form.get_by_label("tags"), "[a, b")
        expect(form.get_by_role("alert").nth(1)).to_contain_text("this bracket is never closed")
        type_into(form.get_by_label("token"), "short")
        form.get_by_role("button", name="Run").click()
        expect(form.get_by_role("status")).to_contain_text("not started")
        expect(form.get_by_role("alert")).to_have_count(4)
        expect(form.get_by_role("alert").last).to_contain_text(
            "`token` is not of the declared kind"
        )
        notebook.take_screenshot("workflow form with wrong values")

        type_into(form.get_by_label("servers"), "2")
        type_into(form.get_by_label("tags"), "[a, b]")
        form.get_by_label("region").select_option("us")
        form.get_by_label("urgent").check()
        expect(form.get_by_role("alert")).to_have_count(1)
        type_into(form.get_by_label("token"), SECRET)
        expect(form.get_by_label("token")).to_have_value("")
        form.get_by_role("button", name="Run").click()
        expect(form).to_contain_text("succeeded after")
        expect(form.get_by_role("log")).to_contain_text("deploying to us")
        expect(form.get_by_role("status")).to_have_text(re.compile("^run [0-9a-f]{12} succeeded$"))
        notebook.take_screenshot("workflow form with its run")

        notebook.run(3)
        output = "{'message': '2 in us', 'tags': ['a', 'b'], 'urgent': True}"
        expect(notebook.output(3)).to_contain_text(f"('succeeded', {output})")

        saved = notebook.save()
        assert SECRET not in str(saved)
        # the kernel is gone, and the page shows the text
        notebook.shut_down()
        notebook.reopen()
        text = notebook.output(2)
        expect(text).to_contain_text("was started with these values")
        expect(text.get_by_role("cell", name="us", exact=True)).to_be_visible()
        dead_widget = text.get_by_text("model not found")
        expect(dead_widget).to_have_count(1)
        expect(dead_widget).to_be_hidden()
        notebook.take_screenshot("workflow form after a save")
