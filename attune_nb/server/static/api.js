// Calls of the server's API, and the addresses of pages.

const {dataset} = document.body;

/** The address of the page of all runs, without a slash at its end. */
export const HOME = dataset.url;

/** The permissions of the reader: `write` (commands) and `start`. */
export const PERMISSIONS = new Set((dataset.permissions ?? '').split(' ').filter(Boolean));

/** An answer of the server that is an error: its status, its message, and single problems. */
export class ApiError extends Error {
  constructor(status, body) {
    super(body?.message ?? `the server answered ${status}`);
    this.status = status;
    this.reason = body?.reason ?? '';
    this.problems = body?.problems ?? [];
  }
}

// the clock of the server may differ from that of this computer; a small difference is the time of loading
const difference = Number(dataset.time) - Date.now() / 1000;
const skew = Math.abs(difference) < 5 ? 0 : difference;

/** Return the present time of the server, in seconds since the epoch. */
export function serverTime() {
  return Date.now() / 1000 + skew;
}

/** Return the address of a WebSocket of the API. */
export function socketAddress(path) {
  const address = new URL(`${HOME}/api${path}`, location.href);
  address.protocol = address.protocol === 'https:' ? 'wss:' : 'ws:';
  return address.href;
}

/** Return the JSON at a path of the API. Raise an ApiError, or a TypeError without contact. */
export async function get(path) {
  const response = await fetch(`${HOME}/api${path}`, {headers: {Accept: 'application/json'}});
  return readBody(response);
}

/** Send JSON to a path of the API, and return `{status, body}` of the answer. */
export async function post(path, body, headers = {}) {
  const response = await fetch(`${HOME}/api${path}`, {
    method: 'POST',
    headers: {'Content-Type': 'application/json', 'X-XSRFToken': xsrfToken(), ...headers},
    body: JSON.stringify(body),
  });
  return {status: response.status, body: await readBody(response)};
}

async function readBody(response) {
  // without a session, Jupyter leads to its page for the login
  if (response.redirected) throw new ApiError(403, {message: 'your session has ended'});
  const body = await response.json().catch(() => null);
  if (!response.ok) throw new ApiError(response.status, body);
  return body;
}

function xsrfToken() {
  const match = document.cookie.match(/(?:^|; )_xsrf=([^;]*)/);
  return match ? decodeURIComponent(match[1]) : '';
}

/** Return the address of the page of a run; an empty id stands for the page of all runs. */
export function pageAddress(run) {
  const address = run ? `${HOME}/runs/${run}` : HOME;
  // a frame that was opened with a theme keeps it
  const theme = new URLSearchParams(location.search).get('theme');
  return theme ? `${address}?theme=${encodeURIComponent(theme)}` : address;
}

/** Return an id for a new run: 12 hexadecimal digits. A request with it may be sent twice. */
export function makeRunId() {
  const bytes = crypto.getRandomValues(new Uint8Array(6));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Return a sentence for a call that failed. */
export function explain(error) {
  if (error instanceof ApiError) {
    if (error.status === 403 && !error.reason) {
      return `not allowed (${error.message}); reload the page if your session has ended`;
    }
    return error.message;
  }
  return 'no contact with the server; try again';
}
