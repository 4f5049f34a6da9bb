/** Where to go after the sign-in when nothing better is known. */
const HOME = '/';

/**
 * The sign-in page: one form that works without scripts.
 * @param next the path that was asked for; anything that would lead to another site becomes `/`
 */
export function signInPage(options: { next: string; message?: string }): string {
  const message = options.message === undefined ? '' : `<p class="message" role="alert">${escape(options.message)}</p>`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>Sign in – Landfall</title>
<link rel="stylesheet" href="/assets/sign-in.css">
</head>
<body>
<main>
<h1>Landfall</h1>
${message}
<form method="post" action="/session">
<label for="token">API token</label>
<input id="token" name="token" type="password" autocomplete="current-password" required autofocus>
<input type="hidden" name="next" value="${escape(localPath(options.next))}">
<button type="submit">Sign in</button>
</form>
<p>The token of a local stack is in <code>stack.json</code> in its data folder, under <code>token</code>.</p>
</main>
</body>
</html>
`;
}

/** A path on this site, or `/`: `//other.example` and `/\\other.example` are addresses of other sites to a browser. */
export function localPath(next: string): string {
  return /^\/(?![/\\])[\x21-\x5b\x5d-\x7e]*$/.test(next) ? next : HOME;
}

function escape(text: string): string {
  return text.replace(
    /[&<>"']/g,
    (character) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' })[character] ?? '',
  );
}
