/** @file Errors as plain data: between threads and processes they lose their class and what belongs to it. */
import { AutoCircuitError, type ErrorParts } from '@auto-circuit/core/startup';

/** An error as it is sent. */
export interface ErrorData {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  /** What an `AutoCircuitError` was made of; null for every other error. */
  readonly parts: ErrorParts | null;
  readonly cause: ErrorData | null;
}

/** Anything that was thrown, as data that can be sent. */
export function errorToData(error: unknown): ErrorData {
  if (!(error instanceof Error)) {
    return { name: 'Error', message: String(error), stack: undefined, parts: null, cause: null };
  }
  const { name, message, stack, cause } = error;
  const parts = error instanceof AutoCircuitError ? sendableParts(error) : null;
  return { name, message, stack, parts, cause: cause === undefined ? null : errorToData(cause) };
}

/** The error again, with its stack on the other side: an `AutoCircuitError` has its code, fields and sentence. */
export function errorFromData({ name, message, stack, parts, cause }: ErrorData): Error {
  const from = cause === null ? undefined : errorFromData(cause);
  const error = parts
    ? new AutoCircuitError({ ...parts, cause: from })
    : Object.assign(new Error(message, { cause: from }), { name });
  if (stack !== undefined) error.stack = stack;
  return error;
}

/** Without the cause, which is sent beside them, and without fields that cannot be sent. */
function sendableParts({ parts: { cause: _, ...parts } }: AutoCircuitError): ErrorParts {
  const fields = Object.entries(parts.fields ?? {}).filter(([, value]) => isCloneable(value));
  return { ...parts, fields: Object.fromEntries(fields) };
}

function isCloneable(value: unknown): boolean {
  try {
    structuredClone(value);
    return true;
  } catch {
    return false;
  }
}
