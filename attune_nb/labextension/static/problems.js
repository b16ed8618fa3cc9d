// Problems of workflows, underlined while their cells are written.
//
// The kernel finds them: the text of the cell goes over the comm `attune.check`, which
// `%load_ext attune_nb` registers, and comes back as problems. Only the cell that has the focus is
// checked, and only while the kernel is idle, so that nothing queues behind a cell that runs.

const TARGET = 'attune.check';
const MAGIC = /^%%attune(?:\s|$)/;

// milliseconds after the last key
const DELAY = 400;

// a key, a name or a number; a problem at another character is underlined to the end of its line
const WORD = /^[\w.$-]+/;

// The checks of the cells of one kernel.
class Checker {
  constructor(kernel) {
    this.kernel = kernel;
    this.comm = null;
    this.isMissing = false;
    this.count = 0;
    this.answers = new Map();
    this.waiting = new Set();

    kernel.statusChanged.connect(this.askAgain, this);
    kernel.iopubMessage.connect(this.noticeExtension, this);
  }

  get isReady() {
    const { connectionStatus, handleComms, status } = this.kernel;
    return connectionStatus === 'connected' && status === 'idle' && handleComms && !this.isMissing;
  }

  // Ask for the problems of a text. `receive` is called with them, or, if the kernel cannot answer
  // now, `askAgain` when it can.
  check(text, receive, askAgain) {
    if (!this.isReady) {
      this.waiting.add(askAgain);
      return;
    }

    if (this.comm === null || this.comm.isDisposed) {
      this.open();
    }
    this.count += 1;
    this.answers.set(this.count, { receive, askAgain });
    this.comm.send({ id: this.count, text });
  }

  open() {
    // answers to what a kernel before a restart was asked do not come
    this.answers.clear();
    this.comm = this.kernel.createComm(TARGET);
    this.comm.onMsg = ({ content }) => {
      const { id, problems } = content.data;
      this.answers.get(id)?.receive(problems);
      this.answers.delete(id);
    };
    this.comm.onClose = () => this.handleClose();
    this.comm.open({});
  }

  // A kernel closes the comm at once if the extension is not loaded in it.
  handleClose() {
    this.comm = null;
    this.isMissing = true;
    for (const { askAgain } of this.answers.values()) {
      this.waiting.add(askAgain);
    }
    this.answers.clear();
  }

  // Look out for a cell that may load the extension.
  noticeExtension(_, { header, content }) {
    if (this.isMissing && header.msg_type === 'execute_input' && content.code.includes('attune')) {
      this.isMissing = false;
    }
  }

  askAgain() {
    if (!this.isReady) {
      return;
    }
    const callbacks = [...this.waiting];
    this.waiting.clear();
    for (const callback of callbacks) {
      callback();
    }
  }
}

export async function createPlugin(id, shared) {
  const names = [
    '@jupyterlab/codemirror',
    '@jupyterlab/notebook',
    '@codemirror/state',
    '@codemirror/view',
  ];
  const [codemirror, { INotebookTracker }, state, view] = await Promise.all(names.map(shared));
  const { EditorExtensionRegistry, IEditorExtensionRegistry } = codemirror;
  const { StateEffect, StateField } = state;
  const { Decoration, EditorView, ViewPlugin, hoverTooltip } = view;

  const isAttuneCell = (text) => MAGIC.test(text.line(1).text);

  // Return the underlining of a problem; null if there is no such line, or nothing on it.
  function underline(text, { line: number, column, message, severity }) {
    if (number < 1 || number > text.lines) {
      return null;
    }
    const line = text.line(number);
    let start = Math.min(line.from + column - 1, line.to);
    const word = WORD.exec(line.text.slice(start - line.from));
    const end = word === null ? line.to : start + word[0].length;
    if (start === end) {
      start = line.from + line.text.search(/\S|$/);
    }
    if (start === end) {
      return null;
    }

    const mark = Decoration.mark({
      class: `attune-problem attune-${severity}`,
      attributes: { 'aria-label': message },
      message,
    });
    return mark.range(start, end);
  }

  const setProblems = StateEffect.define();
  const underlinings = StateField.define({
    create: () => Decoration.none,
    update(decorations, transaction) {
      const text = transaction.newDoc;
      if (transaction.docChanged) {
        decorations = isAttuneCell(text) ? decorations.map(transaction.changes) : Decoration.none;
      }

      for (const effect of transaction.effects) {
        if (effect.is(setProblems)) {
          const marks = effect.value.map((problem) => underline(text, problem));
          decorations = Decoration.set(marks.filter((mark) => mark !== null), true);
        }
      }
      return decorations;
    },
    provide: (field) => EditorView.decorations.from(field),
  });

  const showProblem = (editor, position) => {
    const messages = new Set();
    let range = null;
    editor.state.field(underlinings).between(position, position, (from, to, { spec }) => {
      messages.add(spec.message);
      range = { pos: from, end: to };
    });
    if (range === null) {
      return null;
    }

    const dom = document.createElement('div');
    dom.className = 'attune-problem-tip';
    for (const message of messages) {
      const paragraph = document.createElement('div');
      paragraph.textContent = message;
      dom.append(paragraph);
    }
    return { ...range, above: true, create: () => ({ dom }) };
  };

  // Return the extension that asks for the problems of an editor.
  function createAsker(getChecker) {
    class Asker {
      constructor(editor) {
        this.editor = editor;
        this.ask = this.ask.bind(this);
      }

      update({ docChanged, focusChanged }) {
        if ((docChanged || focusChanged) && this.editor.hasFocus) {
          clearTimeout(this.timer);
          this.timer = setTimeout(this.ask, DELAY);
        }
      }

      ask() {
        const text = this.editor.state.doc;
        const checker = getChecker(this.editor.dom);
        if (this.isDestroyed || checker === null || !isAttuneCell(text)) {
          return;
        }

        const receive = (problems) => {
          // a text that has changed meanwhile is asked about again
          if (!this.isDestroyed && this.editor.state.doc.eq(text)) {
            this.editor.dispatch({ effects: setProblems.of(problems) });
          }
        };
        checker.check(text.toString(), receive, this.ask);
      }

      destroy() {
        clearTimeout(this.timer);
        this.isDestroyed = true;
      }
    }
    return ViewPlugin.fromClass(Asker);
  }

  return {
    id,
    description: 'Underlines the problems of the workflows in %%attune cells.',
    autoStart: true,
    requires: [IEditorExtensionRegistry, INotebookTracker],

    activate(app, extensions, notebooks) {
      const checkers = new WeakMap();

      // Return the checker of the kernel of the notebook around an element, or null.
      function getChecker(element) {
        const notebook = notebooks.find(({ node }) => node.contains(element));
        const kernel = notebook?.sessionContext.session?.kernel;
        if (!kernel) {
          return null;
        }
        if (!checkers.has(kernel)) {
          checkers.set(kernel, new Checker(kernel));
        }
        return checkers.get(kernel);
      }

      const tooltip = hoverTooltip(showProblem, { hideOnChange: true });
      const parts = [underlinings, tooltip, createAsker(getChecker)];
      const extension = EditorExtensionRegistry.createImmutableExtension(parts);
      extensions.addExtension({
        name: id,
        factory: ({ model }) => (model.type === 'code' ? extension : null),
      });
    },
  };
}
