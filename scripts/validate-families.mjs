/**
 * @file `auto-circuit validate` on the test data of every family, as a table. Runs the built program.
 *
 *   node scripts/validate-families.mjs [--python PATH] [--model NAME=DIR …] [--only NAME,…] [--write]
 *
 * `--model` adds other models' folders. Prints the table; `--write` puts it into docs/validation.md. Ends with code 1 when a number
 * is not within its bound.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { markdownTable, writeBetweenMarks } from './between-marks.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const FAMILIES = join(ROOT, 'packages/models/test-data/families');
const MAIN = join(ROOT, 'packages/cli/dist/main.js');

const { values } = parseArgs({
  options: {
    python: { type: 'string' },
    model: { type: 'string', multiple: true, default: [] },
    only: { type: 'string' },
    write: { type: 'boolean', default: false },
  },
});
const families = readdirSync(FAMILIES)
  .sort()
  .filter((name) => !values.only || values.only.split(',').includes(name));
const others = values.model.map((given) => {
  const cut = given.lastIndexOf('=');
  return [given.slice(0, cut), given.slice(cut + 1)];
});

const number = (x) => (x === 0 ? '0' : typeof x === 'number' ? x.toExponential(1) : String(x));
function cell({ value, bound, passed }) {
  if (passed === null) return '–';
  const text = `${number(value)} of ${number(bound)}`;
  return passed ? text : `**${text}**`;
}

let failed = 0;
const rows = [...families.map((name) => [name, join(FAMILIES, name)]), ...others].map(([name, folder]) => {
  const python = values.python ? ['--python', values.python] : [];
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [MAIN, 'validate', folder, ...python, '--json', '--quiet'],
    {
      encoding: 'utf8',
    },
  );
  if (status !== 0 && status !== 1) {
    failed++;
    console.error(`${name}: ${stderr.trim()}`);
    return [name, stderr.trim().split('\n').at(-1), '', '', '', ''];
  }
  if (status === 1) failed++;
  return [name, ...JSON.parse(stdout).checks.map(cell)];
});
const table = markdownTable(['model', 'logits>', 'residual sums>', 'eap>', 'texts>', 'token ids>'], rows);
console.log(table);
if (values.write) writeBetweenMarks(join(ROOT, 'docs/validation.md'), 'families', table);
process.exit(failed > 0 ? 1 : 0);
