/** Something to wait for, and what lets it happen. */
export function signal(): [happened: Promise<void>, happen: () => void] {
  let happen = (): void => undefined;
  const happened = new Promise<void>((resolve) => (happen = resolve));
  return [happened, () => happen()];
}
