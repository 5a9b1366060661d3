/** @file `--spans`: the file that says which role each token of a prompt has. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Spans } from '@auto-circuit/core/run';
import { AutoCircuitError } from '@auto-circuit/core/startup';
import type { Cli } from '../context/context.js';

/**
 * Reads the file; null where none is named.
 * @param other flags that give positions another meaning, of those on the command line
 * @throws AutoCircuitError for a file that cannot be read or used, and beside such a flag
 */
export async function readSpans(cli: Cli, file: string | undefined, other: readonly string[]): Promise<Spans | null> {
  if (file === undefined) return null;
  if (other.length > 0)
    throw new AutoCircuitError({
      code: 'conflicting-options',
      where: 'spans',
      what: `--spans gives each role of tokens its edges, and ${other.join(' and ')} something else`,
      expected: 'one of them',
      got: ['--spans', ...other].join(' and '),
      fields: { options: ['--spans', ...other] },
    });
  const { fileError } = await import('@auto-circuit/core/run');
  const { parseSpans } = await import('@auto-circuit/core/run');
  const text = await readFile(resolve(cli.cwd, file), 'utf8').catch((cause: unknown) => {
    throw fileError('spans', 'read', file, cause);
  });
  return parseSpans(text, file);
}
