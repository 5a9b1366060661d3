/** @file Names that nothing has: the nearest ones that something has. */
import { AutoCircuitError } from './error.js';

/** No name is longer; the distance of two texts takes time by the product of their lengths. */
const LONGEST_NAME = 200;

/** The names nearest to `name` (by edit distance), best first; for "did you mean" sentences. */
export function nearestNames(name: string, known: readonly string[], count = 3): string[] {
  if (name.length > LONGEST_NAME) return [];
  const limit = Math.max(1, Math.floor(name.length / 3));
  return known
    .filter((candidate) => Math.abs(candidate.length - name.length) <= limit) // each letter more or fewer is a mistake
    .map((candidate) => ({ candidate, distance: editDistance(name.toLowerCase(), candidate.toLowerCase()) }))
    .filter(({ distance }) => distance <= limit)
    .sort((a, b) => a.distance - b.distance)
    .slice(0, count)
    .map(({ candidate }) => candidate);
}

/** An unknown name: lists the nearest and the known ones (at most 40). */
export function unknownName(where: string, what: string, name: string, known: readonly string[]): AutoCircuitError {
  const nearest = nearestNames(name, known);
  const shown = known.slice(0, 40).join(', ') + (known.length > 40 ? `, … (${known.length} in all)` : '');
  return new AutoCircuitError({
    code: 'unknown-name',
    where,
    what: `unknown ${what} "${name}"`,
    fields: { what, name, nearest, known },
    fix: `${nearest.length ? `did you mean ${nearest.map((n) => `"${n}"`).join(' or ')}? ` : ''}known: ${shown || 'none'}`,
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
