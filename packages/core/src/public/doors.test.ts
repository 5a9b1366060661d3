import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { exportedNames } from '../testing/exported-names.js';

const namesOf = (file: string): string[] => exportedNames(readFileSync(new URL(file, import.meta.url), 'utf8'));

const DOORS = {
  '@auto-circuit/core': './index.ts',
  '@auto-circuit/core/plugin': './plugin.ts',
  '@auto-circuit/core/backend': './backend.ts',
  '@auto-circuit/core/run': './run.ts',
  '@auto-circuit/core/startup': './startup.ts',
  '@auto-circuit/core/testing': '../testing/index.ts',
} as const;

describe('doors: a name that comes or goes is a change that users see', () => {
  it.each(Object.entries(DOORS))('%s', (_, file) => {
    expect(namesOf(file)).toMatchSnapshot();
  });

  it('the front door stays small enough to be read at one sitting', () => {
    expect(namesOf(DOORS['@auto-circuit/core']).length).toBeLessThanOrEqual(70);
  });

  it.each(Object.entries(DOORS))('%s gives what its list says', async (_, file) => {
    const values = namesOf(file).filter((name) => !name.startsWith('type '));
    expect(Object.keys(await import(/* @vite-ignore */ file)).sort()).toEqual(values.sort());
  });
});
