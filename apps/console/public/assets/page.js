/*
 * Building the page. Everything that comes from the API is put in as text: names of machines and messages of errors
 * come from backups, and a backup is not trusted.
 */

/** An element; properties that begin with `on` are listeners, null children are left out. */
export function element(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
    else if (name === 'class') node.className = value;
    else node.setAttribute(name, value === true ? '' : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}

/**
 * A table with a caption for screen readers.
 * @param columns an array of `{ title, cell(row), long? }`
 */
export function table(caption, columns, rows, whenEmpty) {
  if (rows.length === 0) return element('p', { class: 'quiet' }, whenEmpty);
  return element(
    'div',
    { class: 'frame', tabindex: '0', role: 'region', 'aria-label': caption },
    element(
      'table',
      {},
      element('thead', {}, element('tr', {}, ...columns.map(({ title }) => element('th', { scope: 'col' }, title)))),
      element(
        'tbody',
        {},
        ...rows.map((row) =>
          element(
            'tr',
            {},
            ...columns.map(({ cell, long }) => element('td', { class: long ? 'long' : null }, cell(row))),
          ),
        ),
      ),
    ),
  );
}

/** An error or a plan's problem, with what to do about it. */
export function problemBox({ severity = 'error', code, message, detail, fix }) {
  return element(
    'div',
    { class: severity === 'warning' ? 'problem warning' : 'problem' },
    element('strong', {}, code),
    element('p', {}, message ?? detail ?? ''),
    element('p', { class: 'quiet' }, fix ?? ''),
  );
}

export function progressBar(done, total, label) {
  return element('progress', { value: String(done), max: String(Math.max(total, 1)), 'aria-label': label });
}
