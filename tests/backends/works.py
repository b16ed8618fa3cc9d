"""One task over many items, run where a test says; and what became of its items."""

import attune_nb

PATH = ', path: "{{ parameters.path }}"'
WORK = """
parameters: {n: {type: integer, default: 20}, big: {}, keep: {}, path: {}}
tasks:
  - name: a
    action: work
    with_items: "{{ range(parameters.n) }}"
    concurrency: 8
    input: {x: "{{ item }}"MORE}
    KEYS
"""


def text_of(keys="", more=""):
    return WORK.replace("KEYS", keys).replace("MORE", more)


def run_work(work, parameters=None, keys="", more="", **options):
    """Run a function over items; `keys` are the task's, `more` is what else it is given."""
    made = attune_nb.loads(text_of(keys, more))
    return made.run(parameters, actions={"work": work}, **{"progress": False, **options})


def errors(run):
    """Give the messages of the items that failed, by number."""
    found = run.items("a")
    return dict(found[found["error"].notna()][["index", "error"]].itertuples(index=False))
