"""An action that asks a question while it runs, as a process of a pack does through its API."""

import threading


class Asker:
    """Opens an inquiry of the run that it is part of, and returns its id.

    Attributes:
        inquiries: The inquiries that were opened.

    Args:
        prompt: The question.
        schema: The schema of the answer.
        options: As for `RequestQueue.open_inquiry`.
    """

    def __init__(self, prompt="Deploy?", schema=None, **options):
        self.inquiries = []
        self._arguments = (prompt, schema)
        self._options = options
        self._driver = None
        self._started = threading.Event()

    def attend(self, run):
        """Ask the questions in this run, which was started in the background."""
        self._driver = run._driver  # noqa: SLF001 - the API of a run has it, too
        self._started.set()
        return run

    def __call__(self):
        assert self._started.wait(60)
        inquiry = self.ask(*self._arguments, **self._options)
        self.inquiries.append(inquiry)
        return {"inquiry_id": inquiry.id}

    def ask(self, prompt, schema=None, **options):
        """Open an inquiry."""
        return self._driver.open_inquiry("request", 1, prompt, schema, **options)
