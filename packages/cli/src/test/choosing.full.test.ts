/** @file The numbers in docs/choosing.md are those that the shipped model gives. */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const MINUTES = 60_000;

it.each([
  ['measure-correlations', /^eap: /m],
  ['measure-coverage', /^10 prompts: /m],
])(
  'docs/choosing.md holds what %s measures',
  (name, line) => {
    const script = fileURLToPath(new URL(`../../../../scripts/${name}.mjs`, import.meta.url));
    const out = execFileSync(process.execPath, [script, '--check'], { encoding: 'utf8' }); // exits 1 on a number that has moved
    expect(out).toMatch(line);
  },
  10 * MINUTES,
);
