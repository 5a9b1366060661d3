/** @file Work on several things at once, with results in their order. */

/**
 * Runs `work` on every item, at most `limit` at a time, begun in order. After an error no more are begun, and those that run
 * are waited for; the error of the first item in order is thrown.
 */
export async function mapLimit<T, R>(
  items: readonly T[],
  limit: number,
  work: (item: T) => Promise<R>,
): Promise<readonly R[]> {
  const results = new Array<R>(items.length);
  const errors: { readonly index: number; readonly error: unknown }[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < items.length && errors.length === 0) {
      const index = next++;
      try {
        results[index] = await work(items[index]!);
      } catch (error) {
        errors.push({ index, error });
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(Math.max(1, limit), items.length) }, lane));
  const [first] = errors.sort((a, b) => a.index - b.index);
  if (first) throw first.error;
  return results;
}
