"""The lines that actions print, below the cell that began their run."""

from playwright.sync_api import expect

LOAD = """%load_ext attune_nb
def speak(x):
    print(f"item <b>{x}</b>")
    print(f"careful {x}", file=__import__("sys").stderr)
"""
ASK = """%%attune deploy
tasks:
  - {name: before, action: speak, input: {x: first}, next: [{do: approve}]}
  - name: approve
    action: core.ask
    input: {prompt: Go on?, response_schema: {type: boolean}}
    next: [{do: after}]
  - name: after
    action: speak
    with_items: "{{ range(200) }}"
    concurrency: 1
    input: {x: "{{ item }}"}
"""


def test_lines_appear_in_the_cell_of_their_run(lab):
    """Also after its question was answered, while another cell has run: at most 100."""
    with lab.opened(LOAD, ASK, "1 + 1", "len(run.logs())", name="lines.ipynb") as notebook:
        notebook.run(0)
        notebook.run(1)
        lines = notebook.output(1).locator(".attune-logs")
        expect(lines).to_contain_text("before | item <b>first</b>")
        notebook.run(2)

        notebook.click_button("Yes")
        expect(lines).to_contain_text("after[48] stderr | careful 48")
        expect(lines).to_contain_text("302 more lines: run.logs()")
        expect(lines.get_by_role("log").locator("> div")).to_have_count(100)
        expect(notebook.output(1)).to_contain_text("402 log lines")
        # the other cells have their own values, and nothing else
        notebook.run(3)
        outputs = notebook.page.locator(".jp-OutputArea-output")
        expect(notebook.output(2).locator(outputs)).to_have_text(["2"])
        expect(notebook.output(3).locator(outputs)).to_have_text(["402"])
        notebook.take_screenshot("log-lines")

        cell = notebook.save().cells[1]
        assert any("after[48] | item" in str(output.data) for output in cell.outputs)
