// All output of the process of a run that a server has started.

import {HOME, explain} from './api.js';
import {makeElement, setShown, setText} from './dom.js';

// milliseconds between two readings while the run goes on
const READ_EVERY = 1000;

// milliseconds after the end of the run in which its process may write a summary
const LAST_WORDS = 5000;

// bytes of the end that are read at first, and characters that the page keeps
const FIRST_BYTES = 200_000;
const MAX_CHARACTERS = 1_000_000;

export function open(panel, run) {
  const output = new Output(panel, run);
  return {update: () => output.update(), tick: () => output.update(), close: () => output.close()};
}

class Output {
  constructor(panel, run) {
    this.run = run;
    this.next = -FIRST_BYTES;
    this.isReading = false;
    this.isClosed = false;
    this.readTime = -Infinity;
    this.hasReadEnd = false;
    this.endTime = Infinity;

    this.note = makeElement('p', {class: 'note', hidden: true});
    this.text = makeElement('pre', {class: 'output', tabindex: 0, 'aria-label': 'All output of the process'});
    panel.append(this.note, this.text);
  }

  close() {
    this.isClosed = true;
  }

  update() {
    // a run that was interrupted may go on
    if (this.run.isActive) {
      this.hasReadEnd = false;
      this.endTime = Infinity;
    } else if (this.endTime === Infinity) {
      this.endTime = performance.now();
    }
    const isDue = performance.now() - this.readTime >= READ_EVERY;
    if (this.isReading || this.isClosed || this.hasReadEnd || !isDue) return;
    this.#read();
  }

  async #read() {
    this.isReading = true;
    const isLast = performance.now() - this.endTime > LAST_WORDS;
    try {
      await this.#readParts();
      this.hasReadEnd = isLast;
    } catch (error) {
      setText(this.note, explain(error));
      setShown(this.note, true);
    }
    this.readTime = performance.now();
    this.isReading = false;
  }

  async #readParts() {
    let isMore = true;
    while (isMore && !this.isClosed) {
      const address = `${HOME}/api/runs/${this.run.id}/log?offset=${this.next}`;
      const response = await fetch(address);
      if (!response.ok) {
        const body = await response.json().catch(() => null);
        throw new Error(body?.message ?? `the server answered ${response.status}`);
      }
      const place = JSON.parse(response.headers.get('X-Attune'));
      const isFirst = this.next < 0;
      this.#append(await response.text());
      this.next = place.next;
      isMore = place.next < place.size;
      if (isFirst && place.offset > 0) this.#noteCut();
    }
    if (!this.text.textContent) setText(this.note, 'no output yet');
    setShown(this.note, this.note.textContent !== '' && (this.isCut || !this.text.textContent));
  }

  #noteCut() {
    this.isCut = true;
    setText(this.note, 'only the end is shown');
  }

  /** Add text, and follow its end unless a reader has scrolled away from it. */
  #append(text) {
    if (!text) return;
    const {text: element} = this;
    const isAtEnd = element.scrollHeight - element.scrollTop - element.clientHeight < 30;
    // a text node of its own, so that a selection in the text before it stays
    element.append(text);
    while (element.textContent.length > MAX_CHARACTERS && element.childNodes.length > 1) {
      element.firstChild.remove();
      this.#noteCut();
    }
    if (isAtEnd) element.scrollTop = element.scrollHeight;
  }
}
