/**
 * @file Where the time of a pass goes: onnxruntime's own profile of its program, the best time of each node over several runs,
 * by kind of operation and for the nodes that take longest.
 *
 *   node bench/profile.mjs CASE BxP [--model M] [--tokens N] [--rows 12]
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { lower, onnxBackend } from '@auto-circuit/backend-onnx';
import { CASES, openModel, setting } from './cases.mjs';

const RUNS = 8;
const require = createRequire(new URL('../packages/backend-onnx/package.json', import.meta.url));

/** Prints the profile of the program that the case runs last (for `patched` and `eap` the one that is not pass 1). */
export async function profile(name, shape, { model: modelName = 'gpt2-small', tokens, rows = 12 } = {}) {
  const [prompts, length] = shape.split('x').map(Number);
  const threads = Number(process.env.BENCH_THREADS ?? 2);
  const backend = await onnxBackend({ threads, prepack: true });
  const model = await openModel(modelName);
  let last;
  const watching = {
    ...backend,
    async compile(program, weights, hint) {
      const executable = await backend.compile(program, weights, hint);
      const run = (feeds) => {
        last = { program, weights, feeds };
        return executable.run(feeds);
      };
      return { ...executable, run };
    },
  };
  const s = await setting(model, watching, {
    prompts,
    length,
    keep: CASES[name].keep,
    microBatchTokens: tokens,
    onDebug: () => {},
  });
  const { run, steps } = await CASES[name].open(s);
  await (run ?? steps)();
  await s.patchable.dispose();
  const { run: whole, nodes } = await nodeTimes(last, threads);
  print(`${name}, ${shape}, program ${last.program.name}, ${whole.toFixed(1)} ms a run`, nodes, rows);
}

/** The best time of a run and of every node in ms, nodes with their kind and the shapes they read. */
async function nodeTimes({ program, weights, feeds }, threads) {
  const ort = require('onnxruntime-node');
  const folder = mkdtempSync(join(tmpdir(), 'bench-profile-'));
  try {
    const lowered = lower(program, weights, { declareShapes: false });
    const session = await ort.InferenceSession.create(lowered.model, {
      intraOpNumThreads: threads,
      enableMemPattern: false,
      enableProfiling: true,
      profileFilePrefix: join(folder, 'profile'),
      ...(lowered.memoryFiles.length > 0 ? { externalData: lowered.memoryFiles } : {}),
      extra: {
        optimization: { disable_specified_optimizers: 'ConstantFolding' },
        session: {
          ...(lowered.folder === undefined ? {} : { model_external_initializers_file_folder_path: lowered.folder }),
        },
      },
    });
    const given = Object.fromEntries(
      [...lowered.inputs].map(([input, onnxName]) => {
        const { dtype, data, shape } = feeds[input];
        return [onnxName, new ort.Tensor({ float: 'float32', int: 'int32', bool: 'bool' }[dtype], data, shape)];
      }),
    );
    for (let i = 0; i < RUNS; i++) await session.run(given);
    session.endProfiling();
    await session.release();
    return bestOf(JSON.parse(readFileSync(profileFile(folder), 'utf8')));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function profileFile(folder) {
  return join(folder, readdirSync(folder)[0]);
}

function bestOf(events) {
  const best = new Map();
  for (const { cat, name, dur, args } of events) {
    if (cat !== 'Node' || !name.endsWith('kernel_time')) continue;
    const known = best.get(name);
    if (known && known.dur <= dur) continue;
    best.set(name, { dur, kind: args.op_name, shapes: shapesOf(args.input_type_shape) });
  }
  const runs = events.filter(({ name }) => name === 'model_run').map(({ dur }) => dur / 1000);
  const nodes = [...best.values()].map(({ dur, kind, shapes }) => ({ ms: dur / 1000, kind, shapes }));
  return { run: Math.min(...runs), nodes };
}
const shapesOf = (list) => (list ?? []).map((entry) => `[${Object.values(entry)[0].join(',')}]`).join(' ');

function print(title, nodes, rows) {
  const total = nodes.reduce((sum, { ms }) => sum + ms, 0);
  console.log(`\n${title}: ${nodes.length} nodes, best times together ${total.toFixed(1)} ms`);
  const groups = (keyOf) => {
    const sums = new Map();
    for (const node of nodes) {
      const entry = sums.get(keyOf(node)) ?? { ms: 0, count: 0 };
      sums.set(keyOf(node), { ms: entry.ms + node.ms, count: entry.count + 1 });
    }
    return [...sums].sort(([, a], [, b]) => b.ms - a.ms).slice(0, rows);
  };
  for (const keyOf of [({ kind }) => kind, ({ kind, shapes }) => `${kind} ${shapes}`.slice(0, 120)]) {
    console.log('      ms   share  nodes');
    for (const [key, { ms, count }] of groups(keyOf)) {
      const share = `${((100 * ms) / total).toFixed(1)} %`;
      console.log(`${ms.toFixed(2).padStart(8)} ${share.padStart(7)} ${String(count).padStart(6)}  ${key}`);
    }
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { model: { type: 'string' }, tokens: { type: 'string' }, rows: { type: 'string', default: '12' } },
  });
  const [name = 'patched', shape = '2x16'] = positionals;
  await profile(name, shape, {
    model: values.model,
    tokens: values.tokens ? Number(values.tokens) : undefined,
    rows: Number(values.rows),
  });
  process.exit(0);
}
