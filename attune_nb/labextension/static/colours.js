// The colours of YAML in cells that begin with `%%attune`.

const MAGIC = /^%%attune(?:\s|$)/;
// of limited length, since an open one is looked for from each brace on
const EXPRESSION = /\{\{.{0,300}?\}\}/g;

export async function createPlugin(id, shared) {
  const names = [
    '@jupyterlab/codemirror',
    '@codemirror/state',
    '@codemirror/view',
    '@codemirror/language',
  ];
  const [codemirror, state, view, { indentUnit }] = await Promise.all(names.map(shared));
  const { EditorExtensionRegistry, IEditorExtensionRegistry, IEditorLanguageRegistry } = codemirror;
  const { Compartment, EditorState, Prec, RangeSet, StateField } = state;
  const { Decoration, EditorView, MatchDecorator, ViewPlugin } = view;

  const isAttuneCell = (text) => MAGIC.test(text.line(1).text);

  // the first line is a magic, not YAML
  const magicLine = RangeSet.of([Decoration.line({ class: 'attune-magic' }).range(0)]);
  const magicLineField = StateField.define({
    create: () => magicLine,
    update: (decorations) => decorations,
    provide: (field) => EditorView.decorations.from(field),
  });

  // expressions stand out from the strings that they are in
  const expressions = new MatchDecorator({
    regexp: EXPRESSION,
    decoration: Decoration.mark({ class: 'attune-expression' }),
  });
  class ExpressionMarks {
    constructor(editor) {
      this.decorations = expressions.createDeco(editor);
    }

    update(update) {
      this.decorations = expressions.updateDeco(update, this.decorations);
    }
  }
  const expressionMarks = ViewPlugin.fromClass(ExpressionMarks, {
    decorations: (marks) => marks.decorations,
  });

  // One compartment serves all editors, since its content belongs to the state of an editor.
  const slot = new Compartment();
  let yaml = null;
  const editorsBeforeYaml = new Set();

  function languageOf(text) {
    if (yaml === null || !isAttuneCell(text)) {
      return [];
    }
    // the language of a state is that of the highest precedence
    return Prec.highest([yaml, indentUnit.of('  '), magicLineField, expressionMarks]);
  }

  const switchLanguage = EditorState.transactionExtender.of((transaction) => {
    const text = transaction.newDoc;
    const isChanged =
      transaction.docChanged && isAttuneCell(text) !== isAttuneCell(transaction.startState.doc);
    return isChanged ? { effects: slot.reconfigure(languageOf(text)) } : null;
  });

  // JupyterLab makes the first editors while YAML is still being loaded.
  const rememberEditor = ViewPlugin.define((editor) => {
    if (yaml === null) {
      editorsBeforeYaml.add(editor);
    }
    return { destroy: () => editorsBeforeYaml.delete(editor) };
  });

  function setYaml(support) {
    yaml = support;
    for (const editor of editorsBeforeYaml) {
      editor.dispatch({ effects: slot.reconfigure(languageOf(editor.state.doc)) });
    }
    editorsBeforeYaml.clear();
  }

  return {
    id,
    description: 'Colours the YAML of %%attune cells.',
    autoStart: true,
    requires: [IEditorExtensionRegistry, IEditorLanguageRegistry],

    activate(app, extensions, languages) {
      extensions.addExtension({
        name: id,
        // cells of code and prompts of consoles; no files, no Markdown
        factory({ model }) {
          if (model.type !== 'code') {
            return null;
          }
          const text = state.Text.of(model.sharedModel.getSource().split('\n'));
          return EditorExtensionRegistry.createImmutableExtension([
            slot.of(languageOf(text)),
            switchLanguage,
            rememberEditor,
          ]);
        },
      });

      // not awaited: JupyterLab starts without it
      languages.getLanguage('YAML').then((language) => setYaml(language.support));
    },
  };
}
