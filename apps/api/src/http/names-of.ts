const MOST_NAMES = 10;

/** The ids of things, for a sentence; long lists end in a number. */
export function namesOf(things: readonly { readonly id: string }[]): string {
  const names = things.slice(0, MOST_NAMES).map((thing) => thing.id);
  const more = things.length - names.length;
  return `${names.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
