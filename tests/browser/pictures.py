"""The pictures of the README and of docs/, taken in JupyterLab and in the page of a server.

`nox -s pictures` writes them to docs/pictures.
"""

import re
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import expect
from support.attune_server import attune_server_in
from support.browsers import started_browser
from support.explored_pages import explored_frame
from support.jupyterlab import lab_in

import attune_nb
from attune_nb.demo import WORKFLOW, FleetServer, check_server

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
RELEASE = """%%attune release --define
description: Bring a release to some servers of a region.
parameters:
  version: {type: string, required: true, description: such as 1.4}
  region: {enum: [eu, us], default: eu}
  servers: {type: integer, minimum: 1, maximum: 500, default: 20}
  urgent: {type: boolean, default: false}
  tags: {type: array, items: {type: string}, default: [web, api]}
  token: {type: string, secret: true, required: true, description: of the registry}
tasks:
  - {name: deploy, action: core.noop}
"""
NIGHTLY = """
tasks:
  - {name: list_servers, action: core.noop, next: [{do: check}]}
  - name: check
    action: check
    with_items: "{{ range(6_000) }}"
    concurrency: 12
    input: {number: "{{ item }}"}
    next:
      - {when: "{{ failed() }}", do: decide}
  - name: decide
    action: core.ask
    input:
      prompt: "{{ task.check.failed_items }} servers do not answer. What now?"
      response_schema: {enum: [restart them, check them again, leave them]}
    next: [{do: report}]
  - {name: report, action: core.noop}
"""
EXPLORE = "run.explore()"
START_FORM = "form = %attune form release\nform"


def take_pictures(lab, folder):
    """Write all pictures to a folder."""
    cells = (SETUP, HEALTH, DEPLOY, MISTAKE, RELEASE, START_FORM, EXPLORE)
    with lab.opened(*cells, height=3_600) as notebook:

        def take_picture(number, name):
            # the toolbar of the active cell would be in the picture
            notebook.code_cell(0).click()
            notebook.code_cell(number).screenshot(path=folder / f"{name}.png")

        notebook.run(0)
        notebook.run(1)
        bar = notebook.output(1).locator("[role=progressbar]:visible")
        expect(bar).to_be_visible(timeout=20_000)
        part_of_the_items = re.compile(r"^2\d\d\d$")
        expect(bar).to_have_attribute("aria-valuenow", part_of_the_items, timeout=20_000)
        take_picture(1, "panel")
        expect(notebook.output(1)).to_contain_text("8,000/8,000", timeout=60_000)

        notebook.run(2)
        form = notebook.output(2)
        expect(form).to_contain_text("Deploy release 1.4")
        form.get_by_label("reason").fill("all checks are green")
        form.get_by_label("servers").fill("20")
        take_picture(2, "form")
        notebook.click_button("Answer")

        notebook.run(3)
        take_picture(3, "mistake")

        notebook.run(4)
        notebook.run(5)
        form = notebook.output(5)
        form.get_by_label("version").fill("1.4")
        form.get_by_label("servers").fill("2000")
        form.get_by_label("token").fill("not in the picture")
        form.get_by_label("tags").click()
        expect(form.get_by_role("alert")).to_be_visible()
        expect(form.get_by_label("token")).to_have_value("")
        take_picture(5, "start_form")

        notebook.run(6)
        notebook.page.set_viewport_size({"width": 1_400, "height": 3_600})
        frame = explored_frame(notebook.output(6))
        frame.locator("#plot-canvas").press("f")
        frame.get_by_role("tab", name="Graph").click()
        expect(frame.get_by_role("region", name="Attempt")).to_contain_text("check, item")
        notebook.output(6).locator("iframe").screenshot(path=folder / "explore.png")


def check(number):
    """Check a server; a few do not answer."""
    time.sleep(0.004 + number % 7 * 0.001)
    if number % 700 == 311:
        raise TimeoutError(f"server {number} did not answer within 5 s")


def take_picture_of_the_page(browser, server, folder):
    """Write a picture of a run in the page of a server."""
    etl = attune_nb.loads("tasks: [{name: load, action: core.noop}]", "load-orders")
    broken = attune_nb.loads(
        "tasks: [{name: send, action: core.fail, input: {message: the mailbox is full}}]",
        "weekly-report",
    )
    for workflow in (etl, broken, etl, etl):
        workflow.run(store=server.store, progress=False)
    run = attune_nb.loads(NIGHTLY, "health").run(
        store=server.store, progress=False, background=True, actions={"check": check}
    )

    page = browser.new_page(viewport={"width": 1_240, "height": 800})
    page.goto(server.page_url(f"/runs/{run.run_id}"))
    expect(page.get_by_role("button", name="restart them")).to_be_visible(timeout=60_000)
    expect(page.locator(".plot canvas")).to_be_visible()
    # the last attempts are drawn a moment after the question
    page.wait_for_timeout(2_000)
    page.screenshot(path=folder / "runs.png")
    run.cancel(force=True)


def draw_timeline(folder):
    """Write the timeline of a health check of 1,000 servers."""
    with FleetServer(1_000) as fleet:
        run = attune_nb.loads(WORKFLOW, "health").run(
            {"fleet": fleet.url},
            actions={"check_server": check_server},
            store="none",
            progress=False,
        )
    run.timeline().savefig(folder / "timeline.svg")


if __name__ == "__main__":
    draw_timeline(Path(sys.argv[1]))
    with (
        tempfile.TemporaryDirectory() as server_folder,
        started_browser() as browser,
        lab_in(server_folder) as lab,
    ):
        lab.browser = browser
        take_pictures(lab, Path(sys.argv[1]))
        with attune_server_in(Path(server_folder) / "runs") as server:
            take_picture_of_the_page(browser, server, Path(sys.argv[1]))
