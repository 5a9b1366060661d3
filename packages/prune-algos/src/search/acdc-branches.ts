/** @file The branches of ACDC's search, and how a checkpoint holds them. */
import { type CheckpointData, CheckpointReader } from '@auto-circuit/core/plugin';

/** Thresholds (by index) whose searches have done the same so far. */
export interface Branch {
  readonly taus: readonly number[];
  readonly removed: readonly number[];
  readonly distance: number;
  /** How many steps it has come past. */
  readonly visited: number;
  /** How often steps were accepted of late, from 0 to 1: what is expected of the next ones. */
  readonly rate: number;
}

/** The search as a checkpoint holds it. */
export function checkpointOf(branches: readonly Branch[]): CheckpointData {
  const branchOfTau = new Float64Array(branches.reduce((n, { taus }) => n + taus.length, 0));
  for (const [i, { taus }] of branches.entries()) for (const t of taus) branchOfTau[t] = i;
  return {
    state: { branches: branches.length },
    arrays: {
      branchOfTau,
      distances: Float64Array.from(branches, ({ distance }) => distance),
      visited: Float64Array.from(branches, ({ visited }) => visited),
      rates: Float64Array.from(branches, ({ rate }) => rate),
      removedCounts: Float64Array.from(branches, ({ removed }) => removed.length),
      ...Object.fromEntries(branches.map(({ removed }, i) => [`removed/${i}`, Float64Array.from(removed)])),
    },
  };
}

/** The search that a checkpoint must be of. */
export interface SearchedWith {
  /** How many steps the whole search has. */
  readonly steps: number;
  /** Canonical numbers of the edges that so many steps have come past, each once, as they are visited. */
  readonly edgesPast: (visited: number) => readonly number[];
  /** How many thresholds there are. */
  readonly taus: number;
  /** No distance is below this. */
  readonly least: number;
}

/**
 * The branches that `checkpointOf` wrote: every threshold is in one of them, none is empty, and each has removed only edges
 * that it has come past, in the visiting order.
 * @throws AutoCircuitError `wrong-checkpoint` when something of the search is missing or does not fit
 */
export function branchesOf(data: CheckpointData, { steps, edgesPast, taus, least }: SearchedWith): Branch[] {
  const reader = new CheckpointReader('acdc', data);
  const length = reader.count('branches', taus, 1);
  const branchOfTau = reader.array('branchOfTau', { length: taus, least: 0, most: length - 1, whole: true });
  const distances = reader.array('distances', { length, least });
  const visited = reader.array('visited', { length, least: 0, most: steps, whole: true });
  const rates = reader.array('rates', { length, least: 0, most: 1 });
  const removedCounts = reader.array('removedCounts', { length, least: 0, whole: true });
  const branches = Array.from({ length }, (_, i) => {
    const own = Array.from({ length: taus }, (_tau, t) => t).filter((t) => branchOfTau[t] === i);
    if (own.length === 0) throw reader.refused('branchOfTau', `a threshold in branch ${i}`, 'none');
    const removed = [...reader.array(`removed/${i}`, { length: removedCounts[i]! })];
    const foreign = firstOutOfOrder(removed, edgesPast(visited[i]!));
    if (foreign >= 0) {
      const expected = `edges of the first ${visited[i]} steps, in the order that they are visited`;
      throw reader.refused(`removed/${i}`, expected, `${removed[foreign]} at index ${foreign}`);
    }
    return { taus: own, removed, distance: distances[i]!, visited: visited[i]!, rate: rates[i]! };
  });
  reader.finish();
  return branches;
}

/** The index of the first number that `order` does not have after the one before it; −1 when all come in its order. */
function firstOutOfOrder(numbers: readonly number[], order: readonly number[]): number {
  let from = 0;
  return numbers.findIndex((x) => {
    const at = order.indexOf(x, from);
    from = at + 1;
    return at < 0;
  });
}
