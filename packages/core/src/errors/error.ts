/**
 * @file The one error family. A user's mistake is one sentence: `[where] what: expected X, got Y; do Z`.
 * Anything that is not an `AutoCircuitError` is our own bug and keeps its stack.
 */

/** Why the program stopped, and so the exit code: 2 the user's mistake, 1 ours, 130 interrupted with the work kept. */
export type ErrorKind = 'user' | 'internal' | 'interrupted';

export const EXIT_CODES: Readonly<Record<ErrorKind, number>> = Object.freeze({
  user: 2,
  internal: 1,
  interrupted: 130,
});

export interface ErrorParts {
  /** The part of the tool that noticed: a file, a command, a package. */
  readonly where: string;
  /** What is wrong, in the user's words. */
  readonly what: string;
  readonly expected?: string;
  readonly got?: string;
  /** What to do about it. */
  readonly fix?: string;
  readonly kind?: ErrorKind;
  readonly cause?: unknown;
}

export class AutoCircuitError extends Error {
  readonly where: string;
  readonly kind: ErrorKind;

  constructor(parts: ErrorParts) {
    const { where, what, expected, got, fix, kind = 'user', cause } = parts;
    const comparison = [expected && `expected ${expected}`, got && `got ${got}`].filter(Boolean).join(', ');
    super(`[${where}] ${what}${comparison ? `: ${comparison}` : ''}${fix ? `; ${fix}` : ''}`, { cause });
    this.name = 'AutoCircuitError';
    this.where = where;
    this.kind = kind;
  }
}

/** The names nearest to `name` (by edit distance), best first; for "did you mean" sentences. */
export function nearestNames(name: string, known: readonly string[], count = 3): string[] {
  const limit = Math.max(1, Math.floor(name.length / 3));
  return known
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
    where,
    what: `unknown ${what} "${name}"`,
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
