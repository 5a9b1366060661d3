/** @file Word lists written as text. */

/** Words with spaces or line ends between them. */
export const wordList = (text: string): readonly string[] => text.trim().split(/\s+/);

/** Two words that belong together: singular and plural, country and capital. */
export type WordPair = readonly [string, string];

/** Pairs of words with commas between the pairs: `actor actors, artist artists`. */
export const wordPairs = (text: string): readonly WordPair[] =>
  text.split(',').map((pair) => {
    const [one, other] = wordList(pair);
    return [one!, other!];
  });
