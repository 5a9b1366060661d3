/** @file Sizes of circuits and counts of prompts, as flags give them. */
import type { CircuitSizes } from '@auto-circuit/core/run';
import { AutoCircuitError } from '@auto-circuit/core/startup';

const RULES = ['log', 'all', 'groups'] as const;

/** `--edges` and `--threshold`. @throws AutoCircuitError for what is no size */
export function parseSizes(where: string, edges: string | undefined, threshold: number | undefined): CircuitSizes {
  if (edges !== undefined && threshold !== undefined) {
    throw new AutoCircuitError({
      code: 'conflicting-options',
      fields: { options: ['--edges', '--threshold'] },
      where,
      what: '--edges and --threshold cannot be used together',
    });
  }
  if (threshold !== undefined) return { by: 'threshold', threshold };
  if (edges === undefined) return { by: 'rule', rule: 'default' };
  const rule = RULES.find((name) => name === edges);
  if (rule) return { by: 'rule', rule };
  const counts = edges.split(',').map((text) => (/^\s*(\d+(\.\d+)?|\.\d+)\s*$/.test(text) ? Number(text) : Number.NaN));
  if (counts.every((count) => count < 1 || Number.isInteger(count))) return { by: 'list', counts };
  throw new AutoCircuitError({
    code: 'invalid-option',
    fields: { option: '--edges', got: edges },
    where,
    what: '--edges is not valid',
    expected: 'whole numbers or shares below 1, separated by commas, or log, all or groups',
    got: `"${edges}"`,
  });
}

/** A whole number, or one word. */
export function parseCount<W extends string>(
  where: string,
  flag: string,
  text: string,
  word: W,
  least: number,
): number | W {
  if (text === word) return word;
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least) return value;
  throw new AutoCircuitError({
    code: 'invalid-option',
    fields: { option: flag, got: text },
    where,
    what: `${flag} is not valid`,
    expected: `${word}, or a whole number from ${least}`,
    got: `"${text}"`,
  });
}
