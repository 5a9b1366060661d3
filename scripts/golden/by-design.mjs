/**
 * @file Records in which the reference is mistaken, or wants something that we refuse. Each is tied to a line of
 * docs/differences.md by its bold words, and what can be recomputed by the reference's own formula is: then a wrong number
 * is a failure like any other.
 */
import { readFileSync } from 'node:fs';

const PAGE = 'docs/differences.md';
const text = readFileSync(new URL(`../../${PAGE}`, import.meta.url), 'utf8');

/** By short name: the bold words that begin the line in docs/differences.md. */
const LINES = {
  area: 'Area under a curve',
  magnitude: 'Activation magnitude',
  knockouts: 'Knock-outs for completeness',
  prefixes: 'Shared prefixes',
  padding: 'Prompts of different lengths',
  ties: 'Results that depend on a tie',
};
for (const line of Object.values(LINES)) {
  if (!text.includes(`**${line}`)) throw new Error(`${PAGE} has no line "**${line}…": every difference by design needs one`);
}

/**
 * A record that differs by design.
 * @param line a key of LINES
 * @param check what was recomputed: {ok, detail}; without it nothing could be
 */
export function differs(name, line, check) {
  const where = `${PAGE}, "${LINES[line]}"`;
  if (check && !check.ok) return { outcome: 'failed', name, detail: `${check.detail} (known difference: ${where})` };
  return { outcome: 'differs', name, detail: `${check ? check.detail : 'not compared'}: ${where}` };
}
