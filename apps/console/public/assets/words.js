const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

export function bytes(count) {
  let value = count;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${UNITS[unit]}`;
}

// In UTC, and said so: backups of several hosts are compared by it, and by people in several places.
const CLOCK = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium', timeZone: 'UTC' });

export function moment(iso) {
  return iso === null || iso === undefined ? '–' : `${CLOCK.format(new Date(iso))} UTC`;
}

/** How long something took, or has been going on. */
export function lasted(from, to) {
  if (!from) return '–';
  const seconds = Math.max(0, ((to ? new Date(to) : new Date()) - new Date(from)) / 1000);
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 60
    ? `${minutes} min ${Math.floor(seconds % 60)} s`
    : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

const TONES = {
  completed: 'good',
  done: 'good',
  ready: 'good',
  failed: 'bad',
  refused: 'bad',
  'needs-attention': 'warn',
  cancelled: 'warn',
  cancelling: 'warn',
  'rolling-back': 'warn',
  'rolled-back': 'warn',
};

export function toneOf(state) {
  return `state ${TONES[state] ?? ''}`.trim();
}
