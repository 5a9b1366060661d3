/** @file Partial work, read back: every number and array of a checkpoint is checked before anything goes on from it. */
import { AutoCircuitError } from '../errors/error.js';
import type { CheckpointData } from '../plugin/checkpoint.js';

/** What an array of a checkpoint has to be. */
export interface SavedArrayRule {
  /** Default: any length. */
  readonly length?: number;
  /** `finite` (the default) refuses NaN and infinities, `number` NaN only, `any` nothing: a curve may hold what a step saw. */
  readonly values?: 'finite' | 'number' | 'any';
  /** Bounds, both inside. Default: none. */
  readonly least?: number;
  readonly most?: number;
  /** Default: no. */
  readonly whole?: boolean;
}

/**
 * Reads a checkpoint by name, and refuses what does not fit: nothing is taken as 0 or as empty because it is missing.
 *
 * @example
 * const reader = new CheckpointReader('my-algo', work.saved);
 * const done = reader.count('done', batches.length);
 * const sums = reader.array('sums', { length: graph.edgeCount });
 * reader.finish();
 */
export class CheckpointReader {
  readonly #where: string;
  readonly #data: CheckpointData;
  readonly #read = new Set<string>();

  /** @param where who reads, for errors: the name of the algorithm */
  constructor(where: string, data: CheckpointData) {
    this.#where = where;
    this.#data = data;
  }

  /** A whole number from `least` (default 0) to `most` of the checkpoint's state. @throws AutoCircuitError `wrong-checkpoint` */
  count(name: string, most: number, least = 0): number {
    const value = this.#data.state[name];
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= least && value <= most) return value;
    const expected = least === most ? `${most}` : `a whole number from ${least} to ${most}`;
    throw this.refused(name, expected, `${JSON.stringify(value) ?? 'nothing'}`);
  }

  /** An array of the checkpoint, not a copy. @throws AutoCircuitError `wrong-checkpoint` */
  array(name: string, rule: SavedArrayRule = {}): Float64Array {
    const { length } = rule;
    this.#read.add(name);
    const array = this.#data.arrays[name];
    if (!array || (length !== undefined && array.length !== length)) {
      const expected = length === undefined ? 'an array' : `${length} numbers`;
      throw this.refused(name, expected, array ? `${array.length} numbers` : 'nothing');
    }
    const bad = array.findIndex((x) => !fits(x, rule));
    if (bad >= 0) throw this.refused(name, numbersOf(rule), `${array[bad]} at index ${bad}`);
    return array;
  }

  /** A checkpoint inside this one: the same state, and the arrays whose names begin with `prefix`, without it. */
  within(prefix: string): CheckpointData {
    const inner = Object.entries(this.#data.arrays).filter(([name]) => name.startsWith(prefix));
    for (const [name] of inner) this.#read.add(name);
    return {
      state: this.#data.state,
      arrays: Object.fromEntries(inner.map(([name, array]) => [name.slice(prefix.length), array])),
    };
  }

  /** To be called when all is read. @throws AutoCircuitError `wrong-checkpoint` for arrays that nothing has asked for */
  finish(): void {
    const foreign = Object.keys(this.#data.arrays).find((name) => !this.#read.has(name));
    if (foreign !== undefined) throw this.refused(foreign, 'no array of this name', 'one');
  }

  /** The error for what no rule here says: how arrays and counts have to fit each other. To be thrown. */
  refused(name: string, expected: string, got: string): AutoCircuitError {
    return new AutoCircuitError({
      code: 'wrong-checkpoint',
      fields: { name, expected, got },
      where: this.#where,
      what: `"${name}" of the saved partial work does not match`,
      expected,
      got,
      fix: 'start again without it',
    });
  }
}

function fits(x: number, { values = 'finite', least, most, whole = false }: SavedArrayRule): boolean {
  if (Number.isNaN(x)) return values === 'any';
  if (values === 'finite' && !Number.isFinite(x)) return false;
  if ((least !== undefined && x < least) || (most !== undefined && x > most)) return false;
  return !whole || Number.isInteger(x);
}

/** What `fits` asks for, in words. */
function numbersOf({ values = 'finite', least, most, whole = false }: SavedArrayRule): string {
  const kind = whole ? 'whole numbers' : values === 'finite' ? 'finite numbers' : 'numbers';
  const from = least === undefined ? '' : ` from ${least}`;
  return `${kind}${from}${most === undefined ? '' : ` up to ${most}`}`;
}
