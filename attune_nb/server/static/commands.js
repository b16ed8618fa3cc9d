// Commands for a run, and their outcomes.

import {explain, get, post} from './api.js';

// milliseconds between two questions about a command that was not heard yet, and their number: the
// server forgets a command after 60 s
const ASK_WAIT = 1000;
const MAX_ASKS = 62;

/**
 * Send a command to a run, and follow it until its outcome.
 *
 * Args:
 *   body: The command, as the API takes it.
 *   onWait: Called once if the run's process has not heard of it at once.
 *
 * Returns: `{isDone, text, problems}`; `text` is the reason if it was not carried out.
 */
export async function sendCommand(run, body, onWait = () => {}) {
  try {
    const {status, body: reply} = await post(`/runs/${run}/commands`, body);
    if (status !== 202) return {isDone: true, text: '', problems: []};
    onWait();
    return await follow(run, reply.command);
  } catch (error) {
    return {isDone: false, text: explain(error), problems: error.problems ?? []};
  }
}

async function follow(run, number) {
  for (let asks = 0; asks < MAX_ASKS; asks++) {
    await new Promise((resolve) => setTimeout(resolve, ASK_WAIT));
    const reply = await get(`/runs/${run}/commands/${number}`);
    if (reply.outcome === 'done') return {isDone: true, text: '', problems: []};
    if (reply.outcome) return {isDone: false, text: reply.outcome, problems: []};
  }
  const text = 'the process of the run has not heard it, so it was not carried out';
  return {isDone: false, text, problems: []};
}
