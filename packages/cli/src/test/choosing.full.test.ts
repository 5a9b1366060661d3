/** @file The numbers in docs/choosing.md are those that the shipped model gives. */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const SCRIPT = fileURLToPath(new URL('../../../../scripts/measure-correlations.mjs', import.meta.url));
const MINUTES = 60_000;

it(
  'docs/choosing.md holds what is measured',
  () => {
    const out = execFileSync(process.execPath, [SCRIPT, '--check'], { encoding: 'utf8' }); // exits 1 on a number that has moved
    expect(out).toMatch(/^eap: /m);
  },
  10 * MINUTES,
);
