/**
 * @file What a contract suite is: named checks that throw when they fail, for any test runner.
 *
 * @example
 * import { describe, it } from 'vitest';
 * runContract('my-metric', metricContract(myMetric), { describe, it });
 */
import { AutoCircuitError } from '../errors/error.js';

/** One check of a contract. */
export interface ContractCheck {
  /** What holds when it passes: the name of a test. */
  readonly name: string;
  /** Resolves when the contract holds; rejects with what does not. */
  run(): Promise<void>;
}

/** What is needed of a test runner: vitest, jest, node:test and mocha all have it. */
export interface TestHooks {
  describe(name: string, body: () => void): unknown;
  it(name: string, body: () => Promise<void>): unknown;
}

/** Declares every check as a test of its own. */
export function runContract(title: string, checks: readonly ContractCheck[], { describe, it }: TestHooks): void {
  describe(title, () => {
    for (const check of checks) it(check.name, () => check.run());
  });
}

/** Fails the check unless `holds`. */
export function require(holds: boolean, what: string, expected?: string, got?: string): asserts holds {
  if (holds) return;
  throw new AutoCircuitError({
    code: 'contract-broken',
    where: 'contract',
    what,
    ...(expected === undefined ? {} : { expected }),
    ...(got === undefined ? {} : { got }),
  });
}

/** Runs `body` and gives what it threw; fails the check when it did not throw. */
export async function thrownBy(body: () => unknown, what: string): Promise<unknown> {
  try {
    await body();
  } catch (error) {
    return error;
  }
  throw new AutoCircuitError({ code: 'contract-broken', where: 'contract', what, expected: 'an error', got: 'none' });
}

/** A user's mistake has to come as one sentence of the error family. */
export function requireSentence(error: unknown, what: string, about: RegExp): void {
  require(error instanceof AutoCircuitError, what, 'an AutoCircuitError', String(error));
  require(!error.message.includes('\n'), what, 'one line', error.message);
  require(about.test(error.message), what, `a sentence about ${about.source}`, error.message);
}
