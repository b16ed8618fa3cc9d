"""The metrics of runs for Prometheus."""

import logging
import shutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from support.item_runs import until

import attune_nb
from attune_nb.server import run_counters
from attune_nb.server.metrics import MetricsSource
from attune_nb.server.stores import Stores
from attune_nb.store.database import connected

ITEMS = """
name: items
tasks:
  - name: work
    action: work
    with_items: "{{ range(6) }}"
    retry: {count: 1, delay: 0}
    input: {number: "{{ item }}"}
"""
ASKING = "name: asking\ntasks: [{name: ask, action: core.ask, input: {prompt: 'go?'}}]"


def fail_odd(number):
    if number % 2:
        raise ValueError("odd")
    return number


class Scraped:
    """The metrics of a folder's stores, as Prometheus gets them."""

    def __init__(self, folder):
        self.store = folder / ".attune" / "runs.db"
        self.registry = CollectorRegistry()
        self.threads = ThreadPoolExecutor(1)
        self.source = MetricsSource(self.stores(folder), self.threads, self.registry)
        self.source.register()

    def stores(self, folder):
        return Stores(folder, self.store, ["*/.attune/runs.db"])

    def text(self):
        """Return the text of a request, once its look at the stores has ended."""
        self.look()
        text = generate_latest(self.registry).decode()
        # its own look must have ended before the next one
        self.threads.submit(lambda: None).result()
        return text

    def look(self):
        """Request the metrics, and wait until the look at the stores has ended."""
        generate_latest(self.registry)
        self.threads.submit(lambda: None).result()

    def samples(self):
        """Return the value of each sample, by its name and its labels in alphabetical order."""
        values = {}
        for family in text_string_to_metric_families(self.text()):
            for sample in family.samples:
                labels = [value for _, value in sorted(sample.labels.items())]
                key = (sample.name, *labels)
                assert key not in values, "a sample that is sent twice"
                values[key] = sample.value
        return values


@pytest.fixture
def scraped(tmp_path):
    scraped = Scraped(tmp_path)
    yield scraped
    scraped.source.unregister()
    scraped.threads.shutdown()


def test_runs_are_counted_once(scraped):
    workflow = attune_nb.loads(ITEMS)
    for _ in range(2):
        workflow.run(actions={"work": fail_odd}, store=scraped.store)
        scraped.samples()
    workflow.run(actions={"work": lambda number: number}, store=scraped.store)

    samples = scraped.samples()
    assert samples["attune_runs_total", "failed", "items"] == 2
    assert samples["attune_runs_total", "succeeded", "items"] == 1
    assert samples["attune_run_duration_seconds_count", "items"] == 3
    assert samples["attune_items_total", "items"] == 18
    assert samples["attune_items_failed_total", "items"] == 6
    assert samples["attune_task_duration_seconds_count", "failed", "work", "items"] == 2
    assert samples["attune_task_duration_seconds_count", "succeeded", "work", "items"] == 1
    assert samples["attune_with_items_duration_seconds_count", "work", "items"] == 3
    assert samples["attune_context_scopes_total", "items"] == 18
    assert samples["attune_context_size_bytes", "items"] > 0


def test_the_buckets_of_a_histogram_add_up(scraped):
    attune_nb.loads(ITEMS).run(actions={"work": fail_odd}, store=scraped.store)

    samples = scraped.samples()
    name = "attune_run_duration_seconds"
    buckets = [value for key, value in samples.items() if key[0] == f"{name}_bucket"]
    assert len(buckets) == len(run_counters.BUCKETS) + 1
    assert buckets == sorted(buckets)
    assert buckets[-1] == samples[f"{name}_count", "items"] == 1
    assert samples[f"{name}_sum", "items"] > 0


def test_runs_that_are_alive_are_shown_by_state(scraped):
    run = attune_nb.loads(ASKING).run(store=scraped.store, background=True)
    until(lambda: scraped.samples().get(("attune_runs_active", "waiting", "asking")) == 1)
    samples = scraped.samples()
    assert samples[("attune_questions_open",)] == 1
    assert samples["attune_executor_memory_bytes", "asking"] > 1_000_000
    # a series that begins with 1 has not increased for Prometheus
    assert samples["attune_runs_total", "failed", "asking"] == 0
    assert samples["attune_runs_total", "succeeded", "asking"] == 0

    run.answer("ask", value=True)
    run.wait()
    samples = scraped.samples()
    assert samples["attune_runs_active", "waiting", "asking"] == 0
    assert samples[("attune_questions_open",)] == 0
    assert samples["attune_runs_total", "succeeded", "asking"] == 1
    assert ("attune_executor_memory_bytes", "asking") not in samples


def test_a_run_whose_process_is_dead_is_not_alive(scraped):
    attune_nb.loads(ASKING.replace("core.ask", "core.noop")).run(store=scraped.store)
    with sqlite3.connect(scraped.store) as connection:
        connection.execute("UPDATE runs SET status = 'running', questions = 1, born = born - 100")
    connection.close()

    samples = scraped.samples()
    assert samples["attune_runs_active", "running", "asking"] == 0
    assert samples["attune_runs_interrupted", "asking"] == 1
    assert samples[("attune_questions_open",)] == 0

    with sqlite3.connect(scraped.store) as connection:
        connection.execute("UPDATE runs SET status = 'succeeded'")
    connection.close()
    samples = scraped.samples()
    assert samples["attune_runs_total", "succeeded", "asking"] == 1
    assert samples["attune_runs_interrupted", "asking"] == 0


def test_counters_do_not_decrease_when_runs_are_forgotten(scraped):
    run = attune_nb.loads(ITEMS).run(actions={"work": fail_odd}, store=scraped.store)
    scraped.samples()
    attune_nb.forget([run.run_id], store=scraped.store)
    assert scraped.samples()["attune_runs_total", "failed", "items"] == 1

    shutil.rmtree(scraped.store.parent)
    assert scraped.samples()["attune_runs_total", "failed", "items"] == 1

    attune_nb.loads(ITEMS).run(actions={"work": fail_odd}, store=scraped.store)
    assert scraped.samples()["attune_runs_total", "failed", "items"] == 2


def test_a_look_reads_only_what_is_new(scraped, monkeypatch):
    workflow = attune_nb.loads(ITEMS)
    for _ in range(5):
        workflow.run(actions={"work": fail_odd}, store=scraped.store)
    scraped.samples()

    statements = []

    @contextmanager
    def traced(path):
        with connected(path) as connection:
            connection.set_trace_callback(statements.append)
            yield connection

    monkeypatch.setattr(run_counters, "connected", traced)
    scraped.look()
    assert len([text for text in statements if "FROM runs" in text]) == 1
    assert len([text for text in statements if "FROM events" in text]) == 0

    workflow.run(actions={"work": fail_odd}, store=scraped.store)
    statements.clear()
    scraped.look()
    assert len([text for text in statements if "FROM runs" in text]) == 1
    assert len([text for text in statements if "FROM events" in text]) == 1


def test_without_a_store_there_are_no_runs(scraped):
    samples = scraped.samples()

    assert samples[("attune_questions_open",)] == 0
    assert samples[("attune_store_last_read_timestamp_seconds",)] > 0
    assert not scraped.store.parent.exists()


def test_a_file_that_is_no_store_is_left_out(scraped, tmp_path):
    attune_nb.loads(ITEMS).run(actions={"work": fail_odd}, store=scraped.store)
    broken = tmp_path / "other" / ".attune" / "runs.db"
    broken.parent.mkdir(parents=True)
    broken.write_text("this is no store, but a text that is long enough to be one" * 20)

    samples = scraped.samples()
    assert samples["attune_runs_total", "failed", "items"] == 1
    assert samples[("attune_store_last_read_timestamp_seconds",)] == 0


def test_many_names_of_workflows_share_a_label(scraped):
    workflow = attune_nb.loads("tasks: [{name: a, action: core.noop}]")
    for number in range(55):
        workflow.run(store=scraped.store, name=f"w{number:02}")

    samples = scraped.samples()
    counter = ("attune_runs_total", "succeeded")
    runs = {key[2]: value for key, value in samples.items() if key[:2] == counter}
    assert len(runs) == 51
    assert runs["other"] == 5
    assert sum(runs.values()) == 55


def test_child_runs_are_counted_by_their_parent_alone(scraped):
    child = attune_nb.loads(ITEMS)
    text = "name: outer\ntasks: [{name: nested, action: child, with_items: [1, 2]}]"
    actions = {"child": child, "work": lambda number: number}
    attune_nb.loads(text).run(actions=actions, store=scraped.store)

    samples = scraped.samples()
    assert samples["attune_runs_total", "succeeded", "outer"] == 1
    assert ("attune_runs_total", "succeeded", "items") not in samples
    assert samples["attune_items_total", "outer"] == 2


def test_two_applications_send_no_sample_twice(scraped, tmp_path):
    attune_nb.loads(ITEMS).run(actions={"work": fail_odd}, store=scraped.store)
    second = MetricsSource(scraped.stores(tmp_path), scraped.threads, scraped.registry)
    second.register()
    assert scraped.samples()["attune_runs_total", "failed", "items"] == 1

    second.unregister()
    assert scraped.samples()["attune_runs_total", "failed", "items"] == 1
    scraped.source.unregister()
    assert scraped.text() == ""
    scraped.source.register()
    assert scraped.samples()["attune_runs_total", "failed", "items"] == 1


def test_a_failure_does_not_end_the_metrics_of_others(scraped, monkeypatch, caplog):
    monkeypatch.setattr(scraped.source.stores, "paths", lambda: 1 / 0)
    with caplog.at_level(logging.ERROR, "attune_nb"):
        assert scraped.text() == ""

    assert "the metrics of runs could not be read" in caplog.text


@pytest.mark.slow
def test_the_server_sends_metrics_to_callers_with_a_token(attune_server):
    workflow = attune_nb.loads(ITEMS)
    workflow.run(actions={"work": fail_odd}, store=attune_server.store, name="measured")

    with attune_server.client(base_url=attune_server.origin) as client:
        text = ""

        def is_counted():
            nonlocal text
            text = client.get("/metrics").text
            return 'attune_runs_total{status="failed",workflow="measured"} 1.0' in text

        until(is_counted)
    names = {family.name for family in text_string_to_metric_families(text)}
    assert {"attune_runs", "attune_runs_active", "http_request_duration_seconds"} <= names
    with attune_server.client(base_url=attune_server.origin, headers={}) as client:
        assert client.get("/metrics").status_code == 403
