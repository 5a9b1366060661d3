/** @file For tests that look at the code and the fields of an error, not at its sentence. */

/** What a call throws. @throws Error when it throws nothing */
export function errorOf(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  throw new Error('expected an error, and there was none');
}
