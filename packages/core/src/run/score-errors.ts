/** @file Errors of an algorithm's work, completed by what the run knows: the algorithm's name, the file of its partial work. */
import { AutoCircuitError } from '../errors/error.js';
import type { PruneResult } from '../plugin/prune-algo.js';

/**
 * Checks that an algorithm's result has the form of one, and then makes something of it.
 * @throws AutoCircuitError naming the algorithm, for scores that are missing, misshapen or not numbers
 */
export function scoresNamed<T>(algo: string, result: PruneResult, make: (result: PruneResult) => T): T {
  if (!isScores(result?.scores)) {
    throw new AutoCircuitError({
      code: 'wrong-scores',
      fields: { algo },
      where: algo,
      what: `the algorithm "${algo}" gave no scores`,
      expected: 'an object { scores } with a float tensor { data, shape } for each destination module',
      got: result === null || typeof result !== 'object' ? `${result}` : `{ ${Object.keys(result).join(', ')} }`,
    });
  }
  try {
    return make(result);
  } catch (cause) {
    if (!(cause instanceof AutoCircuitError)) throw cause;
    throw new AutoCircuitError({
      ...cause.parts,
      fields: { ...cause.fields, algo },
      where: algo,
      what: `the scores of the algorithm "${algo}" are not usable: ${cause.parts.what}`,
      cause,
    });
  }
}

function isScores(scores: unknown): boolean {
  if (typeof scores !== 'object' || scores === null) return false;
  return Object.values(scores).every(
    (tensor) =>
      typeof tensor === 'object' &&
      tensor !== null &&
      Array.isArray(tensor.shape) &&
      (tensor.data instanceof Float32Array || tensor.data instanceof Float64Array),
  );
}

/** An error about partial work, with the file that holds it; any other as it is. */
export function withCheckpointPath(error: unknown, path: string | undefined): unknown {
  if (!(error instanceof AutoCircuitError) || error.code !== 'wrong-checkpoint') return error;
  if (path === undefined || error.fields.path !== undefined) return error;
  return new AutoCircuitError({ ...error.parts, fields: { path, ...error.fields }, cause: error });
}
