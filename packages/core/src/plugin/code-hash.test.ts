import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { codeHash } from './code-hash.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'code-hash-'));
  await write(
    'main.mjs',
    "import { a } from './a.mjs';\nexport { b } from './b.cjs';\nconst c = () => import('./c.json', {});",
  );
  await write('a.mjs', "import 'a-package'; import './a.mjs'; export const a = 1;");
  await write('b.cjs', "exports.b = require('./d').d;");
  await write('d.js', 'exports.d = 2;');
  await write('c.json', '{}');
  await write('unused.mjs', '');
});
afterEach(() => rm(folder, { recursive: true }));

const write = (name: string, text: string): Promise<void> => writeFile(join(folder, name), text);
const hash = (name = 'main.mjs'): Promise<string> => codeHash(join(folder, name));

it('is that of the files, wherever they lie', async () => {
  const before = await hash();
  expect(before).toMatch(/^[0-9a-f]{16}$/);
  await write('unused.mjs', 'changed');
  expect(await hash()).toBe(before);
  expect(await hash('a.mjs')).not.toBe(before);
});

it.each([
  ['the module itself', 'main.mjs', "import './a.mjs';\nexport { b } from './b.cjs';\nimport('./c.json');"],
  ['an import', 'a.mjs', 'export const a = 2;'],
  ['what is exported from', 'b.cjs', "exports.b = require('./d').d + 1;"],
  ['a required file without its ending', 'd.js', 'exports.d = 3;'],
  ['what is imported later', 'c.json', '{"c": 1}'],
])('changes with %s', async (_what, name, text) => {
  const before = await hash();
  await write(name, text);
  expect(await hash()).not.toBe(before);
});

it('takes a module that is no plain JavaScript, or lacks an import, as it is', async () => {
  await write('typed.ts', "import type { X } from './nowhere.js';\nexport default {} as const satisfies X;");
  const before = await hash('typed.ts');
  await write('typed.ts', 'export default {} as const;');
  expect(await hash('typed.ts')).not.toBe(before);
});
