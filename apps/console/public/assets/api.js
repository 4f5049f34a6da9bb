/** What the API answers instead of a result: code, detail and fix, as it gave them. */
export class ApiProblem extends Error {
  constructor({ code, detail, fix }) {
    super(detail);
    this.code = code;
    this.fix = fix;
  }
}

const AWAY = {
  code: 'API_UNREACHABLE',
  detail: 'The server does not answer.',
  fix: 'This page goes on by itself once it is back.',
};

/** @returns the parsed body, or null when there is none */
export async function ask(path, { method = 'GET' } = {}) {
  let response;
  try {
    response = await fetch(path, { method, headers: { accept: 'application/json' } });
  } catch {
    throw new ApiProblem(AWAY);
  }
  if (response.status === 401) {
    // The session is over; the server answers this very page with its sign-in form.
    location.reload();
    throw new ApiProblem({ code: 'UNAUTHENTICATED', detail: 'The session has ended.', fix: 'Sign in again.' });
  }
  if (response.status === 204) return null;
  const body = await response.json().catch(() => AWAY);
  if (!response.ok) throw new ApiProblem(body);
  return body;
}
