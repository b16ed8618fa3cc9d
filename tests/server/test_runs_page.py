"""The page of runs in a browser, as a person reads it, clicks and types."""

import re
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager

import pytest
from playwright.sync_api import expect
from support.attune_server import attune_server_in
from support.item_runs import until
from support.served_pages import served_page
from support.shared_processes import SHARED_PROCESSES
from support.steered_runs import asking_run, held_run

import attune_nb
from attune_nb.store.reading import has_run, runs_in

pytestmark = pytest.mark.slow

PHONE = {"width": 390, "height": 800}

# a browser notes each answer of the server that is an error
REFUSED = "the server responded with a status of 4"

FORM = """
tasks:
  - name: staff
    action: core.ask
    input:
      prompt: "Who is <b>on call</b>?\\nWrite a name."
      response_schema:
        type: object
        required: [name]
        properties:
          name: {type: string}
          servers: {type: integer, minimum: 1, default: 3}
          token: {type: string, secret: true}
"""
ITEMS = """
tasks:
  - name: check
    action: check
    with_items: "{{ range(4) }}"
    input: {n: "{{ item }}"}
"""
NIGHTLY = """
description: What runs each night.
parameters:
  region: {enum: [eu, us], required: true, title: Region}
  servers: {type: integer, minimum: 1, maximum: 10, default: 3}
tasks:
  - {name: greet, action: core.shell, input: {cmd: "echo hello {{ parameters.region }}"}}
"""
SEALED = """
parameters: {token: {type: string, secret: true, required: true}}
tasks:
  - {name: hold, action: core.sleep, input: {seconds: 300}}
"""
FLEET = """
tasks:
  - {name: deploy, action: rollout, with_items: [a, b], concurrency: 2, input: {host: "{{ item }}"}}
"""
ROLLOUT = """
parameters: {host: {type: string}}
tasks:
  - name: restart
    action: core.ask
    input: {prompt: "Restart {{ parameters.host }}?", response_schema: {enum: [now, later]}}
"""


def path_of(run):
    return f"/runs/{run.run_id}"


def status_of(page):
    """Return the status of the run that the page shows."""
    return page.locator(".title .status")


def row_of(page, run):
    return page.locator(f"#rows [data-run='{run.run_id}']")


def press(page, name):
    page.get_by_role("button", name=name, exact=True).click()


@contextmanager
def counting_run(server, name="counting"):
    """Yield a run of four items, and a function that lets the next item end."""
    steps = threading.Semaphore(0)

    def check(n):
        steps.acquire(timeout=60)
        if n == 1:
            raise ConnectionError(f"server {n} is <b>down</b>")

    options = {"actions": {"check": check}, "background": True, "progress": False}
    run = attune_nb.loads(ITEMS, name).run(store=server.store, **options)
    try:
        until(lambda: has_run(server.store, run.run_id))
        yield run, steps.release
    finally:
        steps.release(10)
        run.cancel(force=True)
        assert run.wait(60)


def test_the_list_shows_runs_as_they_come_and_end(browser, attune_server):
    with served_page(browser, attune_server) as page:
        assert "token=" not in page.url
        with held_run(attune_server.store) as held:
            row = row_of(page, held.run)
            expect(row).to_contain_text("running")
            page.get_by_role("button", name="Failed").click()
            expect(row).to_have_count(0)
            page.get_by_role("button", name="Active").click()
            expect(row).to_be_visible()

            page.get_by_role("button", name="All").click()
            page.keyboard.press("/")
            page.keyboard.type(f"held {held.run.run_id[:6]}")
            expect(page.locator("#rows a")).to_have_count(1)
            held.release()
            expect(row).to_contain_text("succeeded")

            page.keyboard.press("ArrowDown")
            page.keyboard.press("Enter")
            expect(page.get_by_role("heading", name="held")).to_be_visible()
            expect(page).to_have_url(re.compile(f"{held.run.run_id}$"))


def test_the_table_of_tasks_changes_in_place(browser, attune_server):
    """A row that a person has selected text in is the same element after each change."""
    with (
        counting_run(attune_server) as (run, step),
        served_page(browser, attune_server, path_of(run)) as page,
    ):
        row = page.locator("tr[data-task=check]")
        expect(row.locator(".items")).to_have_text("0 / 4")
        row.locator("th button").select_text()
        step()
        step()
        expect(row.locator(".items")).to_have_text("2 / 4")
        expect(row.locator("td.failed")).to_contain_text("1")
        expect(row.locator("td.error")).to_have_text("server 1 is <b>down</b>")
        assert page.evaluate("document.getSelection().toString()") == "check"
        expect(page).to_have_title("(50 %) counting · attune")

        step()
        step()
        expect(status_of(page)).to_have_text(re.compile("failed"))
        expect(page).to_have_title("failed: counting · attune")
        expect(page.locator("html")).to_have_attribute("data-sign", "failed")
        expect(row.get_by_role("progressbar")).to_have_attribute("aria-valuenow", "4")


def test_a_run_is_paused_resumed_and_cancelled(browser, attune_server):
    with (
        held_run(attune_server.store) as held,
        served_page(browser, attune_server, path_of(held.run)) as page,
    ):
        press(page, "Pause")
        expect(status_of(page)).to_have_attribute("data-status", "paused")
        press(page, "Resume")
        expect(status_of(page)).to_have_attribute("data-status", "running")

        press(page, "Cancel")
        press(page, "Keep it running")
        expect(page.get_by_role("alertdialog")).to_be_hidden()
        assert held.run.status == "running"

        press(page, "Cancel")
        expect(page.get_by_role("alertdialog")).to_contain_text("1 task is under way")
        press(page, "Let attempts finish")
        expect(page.get_by_role("button", name="Stop at once")).to_be_visible()
        held.release()
        expect(status_of(page)).to_have_attribute("data-status", "cancelled")


def test_a_cancel_does_not_wait_for_attempts(browser, attune_server):
    with (
        held_run(attune_server.store) as held,
        served_page(browser, attune_server, path_of(held.run)) as page,
    ):
        press(page, "Cancel")
        press(page, "Cancel the run")
        expect(status_of(page)).to_have_attribute("data-status", "cancelled")


def test_a_command_that_is_not_heard_says_so(browser, attune_server):
    """The process is stopped: the button waits, and the command is carried out later."""
    code = f"""
import time
import attune_nb
attune_nb.loads("tasks: [{{name: wait, action: wait}}]", "deaf").run(
    store={str(attune_server.store)!r}, actions={{"wait": lambda: time.sleep(100)}}
)
"""
    process = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL)
    try:
        until(lambda: find_run(attune_server.store, "deaf"))
        path = path_of(find_run(attune_server.store, "deaf"))
        with served_page(browser, attune_server, path) as page:
            expect(page.get_by_role("button", name="Pause")).to_be_visible()
            process.send_signal(signal.SIGSTOP)
            press(page, "Pause")
            expect(page.get_by_text("has not heard it yet")).to_be_visible()
            expect(page.get_by_role("button", name="Pause: asked …")).to_be_disabled()
            process.send_signal(signal.SIGCONT)
            expect(page.get_by_role("button", name="Resume")).to_be_enabled()
    finally:
        process.kill()
        process.wait()


def find_run(store, workflow):
    """Return the run of a workflow that is on record, or None."""
    runs = [run for run in runs_in(store) if run.workflow == workflow] if store.exists() else []
    return runs[0] if runs else None


def test_a_question_is_answered_by_a_button(browser, attune_server):
    with (
        asking_run(attune_server.store) as run,
        served_page(browser, attune_server, path_of(run)) as page,
    ):
        expect(page.locator(".prompt")).to_have_text("Ship it?")
        expect(page).to_have_title("(?) asking · attune")
        expect(page.locator("#attention")).to_be_visible()
        press(page, "Yes")
        expect(status_of(page)).to_have_attribute("data-status", "succeeded")
        assert run.result("approve") == {"response": True}
        expect(page.locator(".card")).to_have_count(0)


def test_a_form_keeps_what_is_entered(browser, attune_server):
    """A misfit stands beside its field; nothing is drawn anew while a person writes."""
    with (
        asking_run(attune_server.store, FORM) as run,
        served_page(browser, attune_server, path_of(run), refusals=(REFUSED,)) as page,
    ):
        prompt = "Who is <b>on call</b>?\nWrite a name."
        expect(page.locator(".prompt")).to_have_js_property("innerText", prompt)
        page.get_by_label("servers").fill("many")
        page.get_by_label("token").fill("hunter2")
        press(page, "Answer")
        expect(page.get_by_text("name needs a value")).to_be_visible()
        expect(page.get_by_text("servers must be an integer, not many")).to_be_visible()
        expect(page.get_by_label("name")).to_be_focused()

        run.pause()
        expect(status_of(page)).to_have_attribute("data-status", "paused")
        expect(page.get_by_label("servers")).to_have_value("many")
        run.resume()
        page.get_by_label("servers").fill("4")
        page.get_by_label("name").fill("ann")
        page.keyboard.press("Enter")
        expect(status_of(page)).to_have_attribute("data-status", "succeeded")
    assert run.result("staff") == {"response": {"name": "ann", "servers": 4, "token": "***"}}


def test_the_question_of_a_child_run_is_found(browser, attune_server):
    actions = {"rollout": attune_nb.loads(ROLLOUT, "rollout")}
    with asking_run(attune_server.store, FLEET, actions=actions) as run:
        until(lambda: len(run.questions) == 2)
        with served_page(browser, attune_server, path_of(run)) as page:
            expect(
                page.get_by_text("2 questions in child runs: deploy[0], deploy[1]")
            ).to_be_visible()
            page.get_by_role("link", name="deploy[1]").click()
            press(page, "now")
            expect(status_of(page)).to_have_attribute("data-status", "succeeded")

            page.get_by_role("link", name="the run of deploy[1]").click()
            page.get_by_role("tab", name="Child runs").click()
            expect(page.locator(".child")).to_have_count(2)
            child = page.locator(".child").filter(has_text="deploy[0]")
            expect(child).to_contain_text("asks you")


def test_finished_tasks_are_folded(browser, attune_server):
    tasks = [f"- {{name: task_{number}, action: core.noop}}" for number in range(14)]
    tasks.append("- {name: broken, action: core.fail, input: {message: no}}")
    run = attune_nb.loads("\n".join(["tasks:", *tasks]), "many").run(
        store=attune_server.store, progress=False
    )
    with served_page(browser, attune_server, path_of(run)) as page:
        expect(page.locator("tr[data-task]:visible")).to_have_count(1)
        page.get_by_role("button", name="Show 14 finished tasks").click()
        expect(page.locator("tr[data-task]:visible")).to_have_count(15)


def test_a_run_is_started_by_its_form(browser, attune_server):
    (attune_server.root / "nightly.yaml").write_text(NIGHTLY)
    mended = attune_server.root / "mended.yaml"
    mended.write_text("tasks: [{name: a, action: core.noop, next: [{do: b}]}]")
    with served_page(browser, attune_server, refusals=(REFUSED,)) as page:
        press(page, "New run")
        page.locator("[data-file='mended.yaml']").click()
        expect(page.locator(".problems")).to_contain_text("line 1, column ")
        mended.write_text("tasks: [{name: a, action: core.noop}]")
        page.locator("[data-file='mended.yaml']").click()
        expect(page.get_by_role("button", name="Start", exact=True)).to_be_visible()

        page.locator("[data-file='nightly.yaml']").click()
        expect(page.get_by_text("What runs each night.")).to_be_visible()
        press(page, "Start")
        expect(page.get_by_text("region needs a value")).to_be_visible()

        page.get_by_label("Region").select_option("eu")
        press(page, "Start")
        expect(page.get_by_role("heading", name="nightly")).to_be_visible()
        expect(status_of(page)).to_have_attribute("data-status", "succeeded")
        page.get_by_role("tab", name="Output").click()
        expect(page.get_by_label("All output of the process")).to_contain_text("succeeded")


def test_an_interrupted_run_asks_for_its_secret(browser, attune_server):
    """Its process was killed; its open tasks are shown as interrupted, and it is resumed."""
    (attune_server.root / "sealed.yaml").write_text(SEALED)
    process = start_with_secret(attune_server)
    try:
        until(lambda: find_run(attune_server.store, "sealed"))
        path = path_of(find_run(attune_server.store, "sealed"))
        with served_page(browser, attune_server, path, refusals=(REFUSED,)) as page:
            row = page.locator("tr[data-task=hold]")
            expect(row).to_have_attribute("data-status", "running")
            process.kill()
            process.wait()
            expect(status_of(page)).to_have_attribute("data-status", "interrupted")
            expect(row).to_have_attribute("data-status", "interrupted")

            press(page, "Resume")
            page.get_by_label("token").fill("hunter2")
            page.keyboard.press("Enter")
            expect(status_of(page)).to_have_attribute("data-status", "running")
            press(page, "Cancel")
            press(page, "Cancel the run")
            expect(status_of(page)).to_have_attribute("data-status", "cancelled")
    finally:
        process.kill()
        process.wait()


def start_with_secret(server):
    """Start a run of `sealed.yaml` in a process of its own, and return the process."""
    words = ["run", "sealed.yaml", "--params", "-", "--store", str(server.store)]
    process = subprocess.Popen(
        [sys.executable, "-m", "attune_nb", *words],
        cwd=server.root,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    process.stdin.write(b'{"token": "hunter2"}')
    process.stdin.close()
    return process


def test_the_theme_and_a_narrow_window_are_followed(browser, attune_server):
    with asking_run(attune_server.store, FORM) as run:
        path = f"{path_of(run)}?theme=dark&token={attune_server.token}"
        page = browser.new_page(viewport=PHONE, color_scheme="light")
        page.goto(attune_server.url(path))
        expect(page.get_by_label("servers")).to_be_visible()
        expect(page).to_have_url(re.compile(r"\?theme=dark$"))
        expect(page.locator("body")).to_have_css("background-color", "rgb(15, 17, 20)")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

        page.evaluate("postMessage({type: 'attune-theme', theme: 'light'}, location.origin)")
        expect(page.locator("body")).to_have_css("background-color", "rgb(246, 247, 249)")
        page.get_by_role("link", name="All runs").click()
        expect(row_of(page, run)).to_be_visible()
        expect(page).to_have_url(re.compile(r"attune\?theme=dark$"))
        page.close()


def test_many_tabs_are_live_at_once(browser, attune_server):
    """A browser opens six streams of another kind; a seventh tab would hang."""
    with held_run(attune_server.store) as held, browser.new_context() as context:
        pages = [context.new_page() for _ in range(8)]
        for page in pages:
            page.goto(attune_server.page_url(path_of(held.run)))
            expect(status_of(page)).to_have_attribute("data-status", "running")
        held.release()
        for page in pages:
            expect(status_of(page)).to_have_attribute("data-status", "succeeded")


def test_a_page_without_websockets_asks_again(browser, attune_server):
    """As behind a proxy that blocks them: the page says so, and goes on."""
    with held_run(attune_server.store) as held:
        page = browser.new_page()
        page.route_web_socket("**/socket*", lambda socket: socket.close())
        page.goto(attune_server.page_url(path_of(held.run)))
        expect(page.get_by_text("blocks WebSockets")).to_be_visible()
        held.release()
        expect(status_of(page)).to_have_attribute("data-status", "succeeded")
        page.close()


def test_a_hidden_page_closes_its_connection(browser, attune_server):
    """Once a minute it looks whether its title must change."""
    with counting_run(attune_server) as (run, step):
        page = browser.new_page()
        page.clock.install()
        page.goto(attune_server.page_url(path_of(run)))
        expect(page.locator("td.items")).to_have_text("0 / 4")
        hide(page, is_hidden=True)
        page.clock.fast_forward(61_000)
        contact = page.locator("html")
        expect(contact).to_have_attribute("data-contact", "asleep")
        step()
        until(lambda: title_a_minute_later(page) == "(25 %) counting · attune")
        hide(page, is_hidden=False)
        expect(contact).to_have_attribute("data-contact", "live")
        expect(page.locator("td.items")).to_have_text("1 / 4")
        page.close()


def title_a_minute_later(page):
    page.clock.fast_forward(61_000)
    return page.title()


def hide(page, *, is_hidden):
    """Make a page believe that its tab is hidden, or shown again."""
    page.evaluate(
        """hidden => {
          Object.defineProperty(document, 'hidden', {value: hidden, configurable: true});
          document.dispatchEvent(new Event('visibilitychange')); }""",
        is_hidden,
    )


def test_a_removed_store_is_told(browser, attune_server):
    """A store of its own, as that of another folder: the run's process makes it again."""
    store = attune_server.root / "elsewhere" / ".attune" / "runs.db"
    with held_run(store) as held:
        page = browser.new_page()
        page.goto(attune_server.page_url(path_of(held.run)))
        expect(page.get_by_role("button", name="Pause")).to_be_visible()
        for path in store.parent.glob("runs.db*"):
            path.unlink()
        expect(page.get_by_text("was removed")).to_be_visible()
        expect(page.get_by_role("button", name="Pause")).to_be_hidden()

        held.run.pause()
        expect(page.get_by_text("was removed")).to_be_hidden()
        expect(status_of(page)).to_have_attribute("data-status", "paused")
        page.close()


@pytest.fixture(scope="module")
def public_server(tmp_path_factory):
    """Yield a server that shows runs and changes nothing, behind a base URL as a hub has it."""
    read_only = "--ServerApp.authorizer_class=attune_nb.server.ReadOnly"
    folder = tmp_path_factory.mktemp("public")
    with attune_server_in(folder, read_only, base_url="/user/ann/") as server:
        SHARED_PROCESSES.append(server.process)
        yield server
        SHARED_PROCESSES.remove(server.process)


def test_a_reader_without_permission_has_no_buttons(browser, public_server):
    with (
        asking_run(public_server.store) as run,
        served_page(browser, public_server, path_of(run)) as page,
    ):
        expect(page.locator(".prompt")).to_have_text("Ship it?")
        expect(page.get_by_text("read only")).to_be_visible()
        for name in ("Yes", "Pause", "Cancel", "New run"):
            expect(page.get_by_role("button", name=name, exact=True)).to_be_hidden()


def test_lost_contact_is_told_and_found_again(browser, public_server):
    server = public_server
    with held_run(server.store) as held:
        page = browser.new_page()
        page.goto(server.page_url(path_of(held.run)))
        expect(status_of(page)).to_have_attribute("data-status", "running")
        SHARED_PROCESSES.remove(server.process)
        server.stop()
        expect(page.get_by_text("Lost contact")).to_be_visible()
        server.start()
        SHARED_PROCESSES.append(server.process)
        # a browser says so when a laptop is back in a network; without it, it takes some seconds
        page.evaluate("dispatchEvent(new Event('online'))")
        expect(page.get_by_text("Lost contact")).to_be_hidden()
        held.release()
        expect(status_of(page)).to_have_attribute("data-status", "succeeded")
        page.close()
