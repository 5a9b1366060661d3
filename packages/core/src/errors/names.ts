/** @file Names that nothing has: the nearest ones that something has. */
import { AutoCircuitError } from './error.js';
import { peerWords } from './peer-words.js';

/** No name is longer; the distance of two texts takes time by the product of their lengths. */
const LONGEST_NAME = 200;

/** The names that `name` means in other tools, then the nearest (by edit distance), best first; for "did you mean" sentences. */
export function nearestNames(name: string, known: readonly string[], count = 3): string[] {
  if (name.length > LONGEST_NAME) return [];
  const limit = Math.max(1, Math.floor(name.length / 3));
  const near = known
    .filter((candidate) => Math.abs(candidate.length - name.length) <= limit) // each letter more or fewer is a mistake
    .map((candidate) => ({ candidate, distance: editDistance(plain(name), plain(candidate)) }))
    .filter(({ distance }) => distance <= limit)
    .sort((a, b) => a.distance - b.distance)
    .map(({ candidate }) => candidate);
  return [...new Set([...peerWords(name, known), ...near])].slice(0, count);
}

const plain = (name: string): string => name.toLowerCase().replaceAll('_', '-');

/** `did you mean "a" or "b"?`, or nothing. */
export const didYouMean = (nearest: readonly string[]): string =>
  nearest.length === 0 ? '' : `did you mean ${nearest.map((name) => `"${name}"`).join(' or ')}?`;

/** An unknown name: lists the nearest and the known ones (at most 40). */
export function unknownName(where: string, what: string, name: string, known: readonly string[]): AutoCircuitError {
  const nearest = nearestNames(name, known);
  const shown = known.slice(0, 40).join(', ') + (known.length > 40 ? `, … (${known.length} in all)` : '');
  return new AutoCircuitError({
    code: 'unknown-name',
    where,
    what: `unknown ${what} "${name}"`,
    fields: { what, name, nearest, known },
    fix: [didYouMean(nearest), `known: ${shown || 'none'}`].filter(Boolean).join(' '),
  });
}

/** Letters put in, left out, replaced, or swapped with their neighbour. */
function editDistance(a: string, b: string): number {
  let before: readonly number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swap = swapped ? before[j - 2]! + 1 : Number.POSITIVE_INFINITY;
      row.push(Math.min(previous[j]! + 1, row[j - 1]! + 1, substitution, swap));
    }
    before = previous;
    previous = row;
  }
  return previous[b.length]!;
}
