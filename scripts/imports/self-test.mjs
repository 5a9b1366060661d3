/** @file Breaks each import rule, in each form of an import, in a small tree of its own: every break must be seen, and nothing else. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { checkHouse } from './house.mjs';

const TABLES = {
  packages: { base: [], top: ['base'] },
  doors: { base: ['plugin'] },
  rooms: {
    base: { lower: [], upper: ['lower'], '.': ['upper'] },
    top: { '.': [] },
  },
  runTimeImports: ['packages/top/src/index.ts'],
};

const manifest = (name, dev = {}) =>
  JSON.stringify({
    name: `@auto-circuit/${name}`,
    devDependencies: dev,
    exports: {
      '.': { '@auto-circuit/source': './src/index.ts', default: './dist/index.js' },
      './plugin': { '@auto-circuit/source': './src/plugin.ts', default: './dist/plugin.js' },
    },
  });

const CLEAN = {
  'packages/base/package.json': manifest('base'),
  'packages/base/src/index.ts': "export { type Upper, upper } from './upper/upper.js';\nexport * from './plugin.js';\n",
  'packages/base/src/plugin.ts': "export const plugin = 1, other = 2;\nexport * as rooms from './upper/upper.js';\n",
  'packages/base/src/upper/upper.ts':
    "import { lower } from '../lower/lower.js';\nexport type Upper = 1;\nexport function upper() { return lower; }\n",
  'packages/base/src/lower/lower.ts': `// import { upper } from '../upper/upper.js';
const text = "import('../upper/upper.js')";
/* it's a comment: import '../upper/upper.js' */
import { readFileSync } from 'node:fs';
declare function require(holds: boolean, what: string): void;
declare module 'elsewhere' { const x: number; }
require(text.length > 0, '../upper/upper.js');
export const lower = readFileSync;
`,
  'packages/base/src/lower/lower.test.ts': "import { upper } from '../upper/upper.js';\nupper();\n",
  'packages/base/test/all.test.ts': "import { upper } from '../src/upper/upper.js';\nupper();\n",
  'packages/top/package.json': manifest('top', { '@auto-circuit/base': '1' }),
  'packages/top/src/index.ts':
    "import { upper } from '@auto-circuit/base';\nimport { plugin } from '@auto-circuit/base/plugin';\nexport const given = (file: string) => import(file);\nupper(); plugin;\n",
  'bench/run.mjs': `import { upper, other as another } from '@auto-circuit/base';
import * as door from '@auto-circuit/base/plugin';
import { helper } from './helper.mjs';
const { plugin } = await import('@auto-circuit/base/plugin');
`,
  'bench/helper.mjs': 'export const helper = 1;\n',
};

const LOWER = 'packages/base/src/lower/broken.ts';
const UPWARDS = '"lower" may not import "upper"';
const REQUIRES = 'requires "../upper/upper.js"';
const OTHER = 'may not import @auto-circuit/top';
const FORBIDDEN = 'bench/broken.mjs';
const REACHES = 'reaches into a package';
const NO_DOOR = 'is not a public door';
const q = '`';

/** What is written → a sentence that must come. */
const BREAKS = [
  [LOWER, "import { upper } from '../upper/upper.js';", UPWARDS],
  [LOWER, "import '../upper/upper.js';", UPWARDS],
  [LOWER, "import type { Upper } from '../upper/upper.js';", UPWARDS],
  [LOWER, "export { upper } from '../upper/upper.js';", UPWARDS],
  [LOWER, "export * from '../upper/upper.js';", UPWARDS],
  [LOWER, "export * as u from '../upper/upper.js';", UPWARDS],
  [LOWER, "import { // it's here\n  upper,\n} from '../upper/upper.js';", UPWARDS],
  [LOWER, "import { upper /* ; don't */ } from '../upper/upper.js';", UPWARDS],
  [LOWER, "import fs from 'node:fs'; import { upper } from '../upper/upper.js';", UPWARDS],
  [LOWER, "const x = 1; /* c */ import { upper } from '../upper/upper.js';", UPWARDS],
  [LOWER, "import{upper}from'../upper/upper.js'", UPWARDS],
  [LOWER, "import { upper } from '../upper/upper.js' with { type: 'x' };", UPWARDS],
  [LOWER, "import { upper } from '\\u002e./upper/upper.js';", UPWARDS],
  [LOWER, "const x = import('../upper/upper.js');", UPWARDS],
  [LOWER, `const x = import(${q}../upper/upper.js${q});`, UPWARDS],
  [LOWER, "const x = import(/* c */ '../upper/upper.js');", UPWARDS],
  [LOWER, "const x = import /* c */ (('../upper/upper.js' as string));", UPWARDS],
  [LOWER, "const x = import(\n  '../upper/upper.js',\n  { with: { type: 'x' } });", UPWARDS],
  [LOWER, "type X = import('../upper/upper.js').Upper;", UPWARDS],
  [LOWER, "type X = typeof import('../upper/upper.js', { with: { 'resolution-mode': 'import' } });", UPWARDS],
  [LOWER, "declare module '../upper/upper.js' { interface X { y: 1 } }", UPWARDS],
  [LOWER, '/// <reference path="../upper/upper.ts" />', UPWARDS],
  [LOWER, "import x = require('../upper/upper.js');", REQUIRES],
  [LOWER, "const x = require('../upper/upper.js');", REQUIRES],
  [LOWER, `const x = require(${q}../upper/upper.js${q});`, REQUIRES],
  [
    LOWER,
    "import { createRequire } from 'node:module';\ncreateRequire(import.meta.url)('../upper/upper.js');",
    REQUIRES,
  ],
  [
    LOWER,
    "import * as m from 'node:module';\nconst load = m.createRequire(import.meta.url);\nload('../upper/upper.js');",
    REQUIRES,
  ],
  [
    LOWER,
    "import { createRequire } from 'node:module';\ncreateRequire(import.meta.url).resolve('../upper/upper.js');",
    REQUIRES,
  ],
  [LOWER, "const to = '../upper/upper.js';\nconst x = import(to);", 'which only the run knows'],
  [LOWER, `const to = 'upper';\nconst x = import(${q}../upper/${'$'}{to}.js${q});`, 'which only the run knows'],
  [LOWER, "const x = import('../upper/' + 'upper.js');", 'which only the run knows'],
  [
    LOWER,
    "import { createRequire } from 'node:module';\nconst r = createRequire(import.meta.url);\nconst x = r(String(1));",
    'which only the run knows',
  ],
  ['packages/base/src/lower/broken.mts', "import { upper } from '../upper/upper.js';", UPWARDS],
  ['packages/base/src/lower/broken.tsx', "import { upper } from '../upper/upper.js';", UPWARDS],
  ['packages/base/src/lower/broken.mjs', "import { upper } from '../upper/upper.js';", UPWARDS],
  ['packages/base/src/lower/broken.cts', "import x = require('../upper/upper.js');", REQUIRES],
  ['packages/base/src/lower/broken.cts', "require(String('../upper/upper.js'));", 'which only the run knows'],
  [LOWER, "import '@auto-circuit/top';", OTHER],
  [LOWER, `const x = import(${q}@auto-circuit/top${q});`, OTHER],
  [LOWER, "declare module '@auto-circuit/top' { interface X { y: 1 } }", OTHER],
  [LOWER, '/// <reference types="@auto-circuit/top" />', OTHER],
  [LOWER, "const x = require('@auto-circuit/top');", OTHER],
  [LOWER, "import '@auto-circuit/base';", 'may not import @auto-circuit/base'],
  [LOWER, "import '../../../top/src/index.js';", 'leaves its package'],
  [LOWER, "import '../../test/all.test.js';", 'leaves its package'],
  [LOWER, "import 'file:///tmp/x.js';", 'leaves its package'],
  [LOWER, "import '#inner';", 'leaves its package'],
  [LOWER, "import './lower.test.js';", 'is no test and imports one'],
  [LOWER, "import './not-there.js';", 'there is no'],
  [LOWER, "import './broken.js';", 'ring of imports'],
  [LOWER, 'import { from', 'cannot be parsed'],
  ['packages/base/src/lower/broken.test.ts', "import '@auto-circuit/top';", OTHER],
  ['packages/base/test/broken.test.ts', "import '../../top/src/index.js';", 'leaves its package'],
  ['packages/base/test/broken.ts', "import '@auto-circuit/top';", OTHER],
  ['packages/top/test/broken.ts', "import '@auto-circuit/base/dist/index.js';", NO_DOOR],
  ['packages/top/src/broken.ts', "import '@auto-circuit/base/inside';", NO_DOOR],
  ['packages/base/src/broken/broken.ts', 'export {};', 'is not in the table'],
  ['packages/broken/src/index.ts', 'export {};', 'not in the table of packages'],
  [FORBIDDEN, "import { nothing } from '@auto-circuit/base';", 'exports no "nothing"'],
  [FORBIDDEN, "import { upper, // it's\n nothing } from '@auto-circuit/base';", 'exports no "nothing"'],
  [FORBIDDEN, 'import { nothing as upper } from "@auto-circuit/base";', 'exports no "nothing"'],
  [FORBIDDEN, "export { nothing } from '@auto-circuit/base';", 'exports no "nothing"'],
  [FORBIDDEN, "const { nothing } = await import('@auto-circuit/base');", 'exports no "nothing"'],
  [FORBIDDEN, "const x = (await import('@auto-circuit/base')).nothing;", 'exports no "nothing"'],
  [FORBIDDEN, "import base from '@auto-circuit/base';", 'exports no "default"'],
  [FORBIDDEN, "import base from '@auto-circuit/unknown';", NO_DOOR],
  [FORBIDDEN, "import * as base from '@auto-circuit/base/inside';", NO_DOOR],
  [FORBIDDEN, "import { upper } from '@auto-circuit/base/dist/index.js';", NO_DOOR],
  [FORBIDDEN, `const x = await import(${q}@auto-circuit/base/dist/index.js${q});`, NO_DOOR],
  [FORBIDDEN, "import { upper } from '../packages/base/dist/index.js';", REACHES],
  [FORBIDDEN, "const x = require('../packages/base/src/index.ts');", REACHES],
  [FORBIDDEN, "const x = import(new URL('../packages/base/dist/index.js', import.meta.url));", 'only the run knows'],
  [FORBIDDEN, "import './not-there.mjs';", 'there is no'],
  ['examples/broken.test.ts', "import { nothing } from '@auto-circuit/base';", 'exports no "nothing"'],
  ['packages/base/templates/one/broken.ts', "import { nothing } from '@auto-circuit/base';", 'exports no "nothing"'],
  ['scripts/inner/broken.cjs', "require('@auto-circuit/base/inside');", NO_DOOR],
];

/** True when all is seen as it should be; says what is not. */
export function selfTest() {
  const wrong = [];
  const clean = problemsOf(CLEAN);
  if (clean.length > 0) wrong.push(`a clean tree: ${clean.join('; ')}`);
  for (const [file, text, sentence] of BREAKS) {
    const problems = problemsOf({ ...CLEAN, [file]: `${text}\n` });
    const seen = problems.some((problem) => problem.includes(sentence));
    if (!seen || problems.some((problem) => !problem.includes('broken')))
      wrong.push(`${file}: ${text}\n  expected: ${sentence}\n  got: ${problems.join('; ') || 'nothing'}`);
  }
  const unused = { ...CLEAN, 'packages/top/src/index.ts': "import { upper } from '@auto-circuit/base';\nupper();\n" };
  if (!problemsOf(unused).some((problem) => problem.includes('take it out')))
    wrong.push('a file of RUN_TIME_IMPORTS that no longer has one');
  for (const sentence of wrong) console.error(sentence);
  console.log(`self-test of the import rules: ${BREAKS.length + 2} trees, ${wrong.length} seen wrongly`);
  return wrong.length === 0;
}

function problemsOf(tree) {
  const root = mkdtempSync(join(tmpdir(), 'auto-circuit-imports-'));
  try {
    for (const [file, text] of Object.entries(tree)) {
      mkdirSync(dirname(join(root, file)), { recursive: true });
      writeFileSync(join(root, file), text);
    }
    return checkHouse(root, TABLES).problems;
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}
