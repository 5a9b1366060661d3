#!/usr/bin/env node
/**
 * @file Whether `evaluate --protocol mib` and the Python evaluator of the MIB circuit track give the same numbers: runs of several algorithms
 * are exported, and measured by both. Needs a build, and a Python as `mib-peer.py` says.
 *
 *   node scripts/compare-mib.mjs --model DIR --data FILE --python PYTHON --peer FOLDER
 *   … --algos eap,acdc --limit 8       some algorithms, some prompts
 *   … --scores                         also whether EAP's scores have the signs and sizes of the Python package's
 *
 * DIR is a GPT-2 or a Llama in Hugging Face's form, FILE a prompt file of token ids, FOLDER holds `eap` and `MIB_circuit_track`.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ROOT } from './dev.mjs';

/** Both work in float32; what differs is the order of sums, so areas of shares agree to far less than this. */
const TOLERANCE = 1e-3;
/** Method here → method and options there. Of EAP-IG (inputs) versions of the package take other points between the inputs. */
const SCORED = {
  eap: ['EAP', {}],
  'clean-corrupted': ['clean-corrupted', {}],
};

const { values: flags } = parseArgs({
  options: {
    model: { type: 'string' },
    data: { type: 'string' },
    python: { type: 'string' },
    peer: { type: 'string' },
    algos: {
      type: 'string',
      default: 'eap,eap-ig-inputs,eap-ig-activations,clean-corrupted,information-flow-routes,node-attribution',
    },
    limit: { type: 'string' },
    rankings: { type: 'string', default: 'signed,absolute' },
    scores: { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
  },
});
const missing = ['model', 'data', 'python', 'peer'].find((name) => flags[name] === undefined);
if (missing) {
  console.error(`--${missing} is needed; see the head of scripts/compare-mib.mjs`);
  process.exit(2);
}

const work = mkdtempSync(join(tmpdir(), 'compare-mib-'));
const rankings = flags.rankings.split(',');
try {
  process.exitCode = compare() ? 0 : 1;
} finally {
  if (flags.keep) console.log(`files   ${work}`);
  else rmSync(work, { recursive: true });
}

function compare() {
  const { prompts } = JSON.parse(readFileSync(flags.data, 'utf8'));
  const used = flags.limit === undefined ? prompts : prompts.slice(0, Number(flags.limit));
  const ours = flags.algos.split(',').map(runOf);
  const job = {
    ...{ model: resolve(flags.model), prompts: used, graphs: ours.map(({ graph }) => graph) },
    ...(flags.scores
      ? { attribute: Object.fromEntries(ours.flatMap(({ algo }) => (SCORED[algo] ? [SCORED[algo]] : []))) }
      : {}),
  };
  writeFileSync(join(work, 'job.json'), JSON.stringify(job));
  command(
    flags.python,
    [fileURLToPath(new URL('mib-peer.py', import.meta.url)), join(work, 'job.json'), join(work, 'result.json')],
    {
      env: { ...process.env, PYTHONPATH: resolve(flags.peer) },
    },
  );
  const theirs = JSON.parse(readFileSync(join(work, 'result.json'), 'utf8'));
  let same = true;
  console.log(`${basename(flags.model)}, ${used.length} prompts`);
  console.log('algorithm                  ranking     CPR here   there      CMD here   there      worst f    edges');
  ours.forEach(({ algo, measured, graph }, i) => {
    for (const curve of measured.curves) {
      const other = theirs.graphs[i].curves[curve.rank_by];
      const worst = Math.max(
        ...curve.points.map(({ faithfulness }, k) => Math.abs(faithfulness - other.faithfulness[k])),
      );
      const edges = measured.level === 'node' ? '' : sameCounts(curve, other.counts, graph.path);
      const areas = Math.max(Math.abs(curve.cpr - other.cpr), Math.abs(curve.cmd - other.cmd));
      const numbers = [curve.cpr, other.cpr, curve.cmd, other.cmd].map((x) => x.toFixed(6).padEnd(10));
      console.log(
        `${algo.padEnd(26)} ${curve.rank_by.padEnd(10)}  ${numbers.join(' ')} ${worst.toExponential(1).padEnd(10)} ${measured.level === 'node' ? '' : edges || 'differ'}`,
      );
      same &&= areas <= TOLERANCE && (measured.level === 'node' || edges !== '');
    }
    if (measured.roc === null) return;
    const { TPR, FPR } = theirs.graphs[i].roc;
    const worst = Math.max(
      ...measured.roc.points.map((p, k) =>
        Math.max(Math.abs(p.true_positive_rate - TPR[k]), Math.abs(p.false_positive_rate - FPR[k])),
      ),
    );
    console.log(`${''.padEnd(26)} ROC         worst rate ${worst.toExponential(1)}`);
    same &&= worst === 0;
  });
  if (flags.scores) same = sameScores(ours, theirs.scores) && same;
  console.log(same ? `equal to ${TOLERANCE}` : 'NOT equal');
  return same;
}

/** Whether circuits have as many edges; among edges with equal scores there is no order, so a size that cuts through some does not count. */
function sameCounts({ points, rank_by: rankBy }, counts, path) {
  const { edges } = JSON.parse(readFileSync(path, 'utf8'));
  const importance = Object.values(edges)
    .map(({ score }) => (rankBy === 'absolute' ? Math.abs(score) : score))
    .sort((a, b) => b - a);
  const others = points.filter((point, k) => point.edges !== counts[k]);
  if (others.length === 0) return 'same';
  return others.every(({ asked }) => importance[asked - 1] === importance[asked]) ? 'same but for ties' : '';
}

/** A run of an algorithm on the prompts, exported, and measured by the protocol. */
function runOf(algo) {
  const [run, level] = [join(work, algo), algo === 'node-attribution' ? 'node' : 'edge'];
  const tested = ['--test', 'same', ...(flags.limit === undefined ? [] : ['--limit', flags.limit])];
  const of = [
    '--model',
    resolve(flags.model),
    '--data',
    resolve(flags.data),
    '--bos',
    'off',
    '--objective',
    'logit-diff',
  ];
  autoCircuit(['discover', ...of, ...tested, '--algo', algo, '--edges', '20', '--keep', '20', '--out', run, '--quiet']);
  autoCircuit(['convert', run, '--to', 'mib', '--out', work, '--name', `task_${algo}`]);
  const path = join(work, `task_${algo}`, 'importances.json');
  const reference = ['--reference', path];
  const text = autoCircuit([
    'evaluate',
    run,
    '--protocol',
    'mib',
    '--level',
    level,
    ...(level === 'edge' ? reference : []),
    '--json',
    '--quiet',
  ]);
  const greedy = algo === 'information-flow-routes';
  return {
    ...{ algo, measured: JSON.parse(text) },
    graph: { name: algo, path, level, greedy, rankings, ...(level === 'edge' ? { reference: path } : {}) },
  };
}

/** Signs and sizes of scores: EAP-IG's are of a loss, the negative of the logit difference, so positive supports the answer there too. */
function sameScores(ours, scores) {
  let same = true;
  for (const { algo, graph } of ours) {
    const there = SCORED[algo] && scores[SCORED[algo][0]];
    if (!there) continue;
    const { edges } = JSON.parse(readFileSync(graph.path, 'utf8'));
    const largest = Math.max(...Object.values(there).map(Math.abs));
    const worst = Math.max(...Object.entries(there).map(([name, score]) => Math.abs(score - edges[name].score)));
    const signs = Object.entries(there).filter(
      ([name, score]) => Math.abs(score) > TOLERANCE * largest && Math.sign(score) !== Math.sign(edges[name].score),
    ).length;
    console.log(
      `${algo.padEnd(26)} scores      worst ${(worst / largest).toExponential(1)} of the largest, ${signs} other signs`,
    );
    same &&= worst <= TOLERANCE * largest && signs === 0;
  }
  return same;
}

function autoCircuit(args) {
  return command(process.execPath, [join(ROOT, 'packages/cli/dist/main.js'), ...args], { cwd: work });
}

function command(program, args, options) {
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', maxBuffer: 2 ** 30, ...options });
  if (status === 0) return stdout;
  console.error(`${program} ${args.join(' ')}\n${stderr}`);
  process.exit(1);
}
