/**
 * @file What every backend checks and refuses in the same words: settings, shapes of weights, indices, and runs of what was disposed.
 * `where` is the backend that noticed, as `backend-onnx`.
 */
import { AutoCircuitError } from '../errors/error.js';
import { didYouMean, nearestNames } from '../errors/names.js';
import type { Program } from '../ir/program/program.js';

/** The device asked for. @throws AutoCircuitError `invalid-option` when it is not one of `known` */
export function checkedDevice<D extends string>(where: string, device: string, known: readonly D[]): D {
  const found = known.find((name) => name === device);
  if (found !== undefined) return found;
  const nearest = nearestNames(device, known);
  throw new AutoCircuitError({
    code: 'invalid-option',
    where,
    what: 'unknown device',
    expected: `one of ${known.join(', ')}`,
    got: `"${device}"`,
    fields: { option: 'device', got: device, known },
    ...(nearest.length > 0 ? { fix: didYouMean(nearest) } : {}),
  });
}

/** More threads than any machine has cores for; each takes memory, and systems refuse some thousands. */
export const MOST_THREADS = 512;

/** The number of threads asked for. @throws AutoCircuitError `invalid-option` when it is not a whole number from 1 to 512 */
export function checkedThreads(where: string, threads: number): number {
  if (Number.isInteger(threads) && threads >= 1 && threads <= MOST_THREADS) return threads;
  throw new AutoCircuitError({
    code: 'invalid-option',
    where,
    what: 'wrong number of threads',
    expected: `a whole number from 1 to ${MOST_THREADS}`,
    got: `${threads}`,
    fields: { option: 'threads', got: threads },
  });
}

/**
 * Holds the shape of a weight in a store against the shape that a program declares for it.
 * @throws AutoCircuitError `wrong-shape` when they differ
 */
export function checkWeightShape(
  program: Program,
  weight: string,
  declared: readonly unknown[],
  stored: readonly number[],
): void {
  if (stored.length === declared.length && stored.every((d, axis) => d === declared[axis])) return;
  throw new AutoCircuitError({
    code: 'wrong-shape',
    where: `program "${program.name}"`,
    what: `weight "${weight}" has the wrong shape`,
    expected: `[${declared.join(', ')}]`,
    got: `[${stored.join(', ')}]`,
    fields: { program: program.name, weight, shape: stored, expectedShape: declared },
  });
}

/** An index below 0, or not below the size of what it selects from. */
export function indexOutOfRange(where: string, index: number, size: number): AutoCircuitError {
  return new AutoCircuitError({
    code: 'index-out-of-range',
    where,
    what: 'an index is out of range',
    expected: `0 to ${size - 1}`,
    got: `${index}`,
    fix: 'check token ids against the vocabulary and positions against the length',
    fields: { index, size },
  });
}

/** A program was run after its executable was disposed. */
export function runAfterDispose(where: string, program: Program): AutoCircuitError {
  return new AutoCircuitError({
    code: 'already-disposed',
    where,
    what: `program "${program.name}" was run after dispose()`,
    fix: 'compile it again',
    fields: { program: program.name },
    kind: 'internal',
  });
}
