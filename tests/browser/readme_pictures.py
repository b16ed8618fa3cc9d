"""The README's pictures, taken in JupyterLab.

Run `PYTHONPATH=tests python tests/browser/readme_pictures.py DIR`.
"""

import re
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import expect
from support.jupyterlab import lab_in

SETUP = """%load_ext attune_nb
from attune_nb.demo import FleetServer, check_server
fleet = FleetServer(8_000).start()
"""
HEALTH = """%%attune health --set fleet=fleet.url --background --out run
parameters:
  fleet: {type: string, required: true}
tasks:
  - name: list_servers
    action: core.http_request
    input: {url: "{{ parameters.fleet }}/servers"}
    next:
      - {publish: [{servers: "{{ result().json.servers }}"}], do: check}
  - name: check
    action: check_server
    with_items: "{{ workflow.servers }}"
    concurrency: 20
    retry: {count: 2, delay: 0.05}
    input: {url: "{{ item.url }}"}
    next:
      - {when: "{{ failed() }}", do: alert}
  - name: alert
    action: core.echo
    input: {message: "{{ task.check.failed_items }} servers are down"}
"""
DEPLOY = """%%attune deploy
tasks:
  - name: approve
    action: core.ask
    input:
      prompt: Deploy release 1.4 to production?
      response_schema:
        type: object
        required: [reason, servers]
        properties:
          reason: {type: string}
          servers: {type: integer, minimum: 1}
          where: {enum: [staging, production]}
    next: [{do: deploy}]
  - {name: deploy, action: core.noop}
"""
MISTAKE = """%%attune greeting
tasks:
  - name: greet
    action: core.echo
    input: {message: hello}
    next:
      - {when: "{{ succeeded() }}", do: gret}
"""


def main(lab, folder):
    """Take them all."""
    with lab.opened(SETUP, HEALTH, DEPLOY, MISTAKE, height=2_400) as notebook:

        def taken(number, name):
            cell = notebook.page.locator(".jp-CodeCell").nth(number)
            notebook.page.locator(".jp-CodeCell").first.click()  # no toolbar over the picture
            cell.screenshot(path=folder / f"{name}.png")

        notebook.run(0)
        notebook.run(1)
        bar = notebook.output(1).locator("[role=progressbar]")
        expect(bar).to_be_visible(timeout=20_000)
        half = re.compile(r"^2\d\d\d$")
        expect(bar).to_have_attribute("aria-valuenow", half, timeout=20_000)
        taken(1, "panel")
        expect(notebook.output(1)).to_contain_text("8,000/8,000", timeout=60_000)
        notebook.run(2)
        form = notebook.output(2)
        expect(form).to_contain_text("Deploy release 1.4")
        form.get_by_label("reason").fill("all checks are green")
        form.get_by_label("servers").fill("20")
        taken(2, "form")
        notebook.page.get_by_role("button", name="Answer").click()
        notebook.run(3)
        taken(3, "mistake")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place, lab_in(place) as lab:
        main(lab, Path(sys.argv[1]))
