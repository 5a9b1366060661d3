/**
 * @file The tasks whose prompts are made for a tokenizer, on real models: how often the model is right, and how faithful 1 % of the
 * edges are. Runs the built program.
 *
 *   node scripts/task-table.mjs "SmolLM2 135M"=DIR "Gemma 3 270M"=DIR [--count 64] [--tasks sva,ioi] [--times] [--write]
 *
 * Prints the table; `--write` puts it into docs/data.md, between its marks. Times are of this machine and left out unless asked for.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { markdownTable, writeBetweenMarks } from './between-marks.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const MAIN = join(ROOT, 'packages/cli/dist/main.js');
const TASKS = ['ioi', 'greater-than', 'docstring', 'sports-players', 'sva', 'pronouns', 'capitals', 'animal-diet'];
const SHARE = 0.01;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    count: { type: 'string', default: '64' },
    tasks: { type: 'string', default: TASKS.join() },
    times: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
  },
});
if (positionals.length === 0) {
  console.error('usage: node scripts/task-table.mjs NAME=DIR … [--count 64] [--tasks sva,ioi] [--times] [--write]');
  process.exit(2);
}

const folder = mkdtempSync(join(tmpdir(), 'task-table-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

function run(...args) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args, '--json', '--quiet'], {
    encoding: 'utf8',
    maxBuffer: 2 ** 27,
  });
  if (status === 0) return { result: JSON.parse(stdout) };
  return { refusal: stderr.trim().split('\n').at(-1) };
}

const percent = (share) => `${Math.round(100 * share)} %`;
const digits = (x) => (typeof x === 'number' ? x.toPrecision(3) : String(x));

/** One row, or the sentence with which the task was refused. */
function rowOf(task, model, name) {
  const prompts = run('dataset', '--generate', task, '--model', model, '--count', values.count);
  if (prompts.refusal) return { refusal: `${name}, ${task}: ${prompts.refusal}` };
  const out = join(folder, 'run');
  const found = run(
    ...['discover', '--task', task, '--model', model, '--algo', 'eap', '--limit', values.count],
    ...['--edges', String(SHARE), '--metric', 'kl,logit-diff', '--out', out, '--overwrite'],
  );
  if (found.refusal) return { refusal: `${name}, ${task}: ${found.refusal}` };
  const measured = JSON.parse(readFileSync(join(out, 'measurements.json'), 'utf8'));
  const point = (metric) => measured.find((one) => one.metric === metric).points.find(({ edges }) => edges > 0);
  const { edges, faithfulness } = point('logit-diff');
  const { clean, prompts: count } = prompts.result;
  const cells = [task, name, count, percent(clean.accuracy), percent(clean.above_wrong), digits(clean.logit_diff)];
  const circuit = [edges.toLocaleString('en'), digits(faithfulness), digits(point('kl').value)];
  const timings = JSON.parse(readFileSync(join(out, 'timings.json'), 'utf8'));
  return { row: [...cells, ...circuit, ...(values.times ? [digits(timings.seconds.score)] : [])] };
}

const rows = [];
for (const task of values.tasks.split(',')) {
  for (const given of positionals) {
    const cut = given.lastIndexOf('=');
    const { row, refusal } = rowOf(task, given.slice(cut + 1), given.slice(0, cut));
    if (refusal) console.error(refusal);
    else rows.push(row);
  }
}
const titles = ['task', 'model', 'prompts>', 'right>', 'above wrong>', 'logit difference>', 'edges>', 'faithfulness>'];
const table = markdownTable([...titles, 'KL (nats)>', ...(values.times ? ['EAP (s)>'] : [])], rows);
console.log(table);
if (values.write) writeBetweenMarks(join(ROOT, 'docs/data.md'), 'tasks on two models', table);
