/** Asks again and again until there is an answer. */
export async function until<T>(what: string, ask: () => Promise<T | null | undefined | false>, withinMs = 20_000) {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    if (performance.now() >= deadline) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
