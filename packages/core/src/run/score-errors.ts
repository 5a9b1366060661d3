/** @file Errors of an algorithm's partial work, completed by what the run knows: the file that holds it. */
import { AutoCircuitError } from '../errors/error.js';

/** An error about partial work, with the file that holds it; any other as it is. */
export function withCheckpointPath(error: unknown, path: string | undefined): unknown {
  if (!(error instanceof AutoCircuitError) || error.code !== 'wrong-checkpoint') return error;
  if (path === undefined || error.fields.path !== undefined) return error;
  return new AutoCircuitError({ ...error.parts, fields: { path, ...error.fields }, cause: error });
}
