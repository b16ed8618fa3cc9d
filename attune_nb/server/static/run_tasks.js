// The choice of a task: a view of a run sends it to the page, and the page to all views.

/** The name of the event by which a view says that a reader has chosen a task. */
export const CHOOSE = 'attune-choose';

/** Say that a reader has chosen a task in a view. */
export function chooseTask(panel, task) {
  panel.dispatchEvent(new CustomEvent(CHOOSE, {detail: task, bubbles: true}));
}
