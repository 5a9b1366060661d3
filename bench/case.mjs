/**
 * @file One case in a process of its own, so that its peak memory is its own:
 *
 *   node bench/case.mjs CASE BxP [--model gpt2-small[:LAYERS]|smollm2] [--tokens N] [--mapped] [--positions] [--way dense|noising|denoising]
 *
 * Prints one JSON line {case, model, shape, median_ms, min_ms, runs, cpu_ms, giga_multiplications, gigabytes, peak_mib}. Weights are
 * prepacked in every case, so that ratios compare like with like; `--mapped` leaves them as they lie. `--positions`: each token
 * position has edges of its own. `--way`: masks are always run so, to check what is chosen. BENCH_THREADS, BENCH_DEBUG=1,
 * BENCH_SECONDS (20).
 */
import { parseArgs } from 'node:util';
import { onnxBackend } from '@auto-circuit/backend-onnx';
import { CASES, openModel, setting } from './cases.mjs';
import { countingBackend } from './multiplications.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    model: { type: 'string', default: 'gpt2-small' },
    tokens: { type: 'string' },
    mapped: { type: 'boolean', default: false },
    positions: { type: 'boolean', default: false },
    way: { type: 'string' },
  },
});
const [caseName, shape] = positionals;
const found = CASES[caseName];
if (!found || !/^\d+x\d+$/.test(shape ?? '')) {
  console.error(`[bench] node bench/case.mjs CASE BxP; cases: ${Object.keys(CASES).join(', ')}`);
  process.exit(2);
}
if (!['dense', 'noising', 'denoising', undefined].includes(values.way)) {
  console.error(`[bench] --way is dense, noising or denoising, not "${values.way}"`);
  process.exit(2);
}
const [prompts, length] = shape.split('x').map(Number);
const threads = Number(process.env.BENCH_THREADS ?? 2);
const { backend, counter } = countingBackend(await onnxBackend({ threads, prepack: !values.mapped }));
const s = await setting(await openModel(values.model), backend, {
  prompts,
  length,
  keep: found.keep ?? false,
  positions: values.positions,
  way: values.way,
  microBatchTokens: values.tokens ? Number(values.tokens) : undefined,
  onDebug: process.env.BENCH_DEBUG ? (line) => console.error(line) : () => {},
});
const work = await found.open(s);
const started = process.cpuUsage();
const times = work.steps ? await work.steps() : await timesOf(work.run);
const { user, system } = process.cpuUsage(started);
let floors = {};
if (work.run) {
  counter.on = true;
  await work.run();
  const share = 1e9 * (work.per ?? 1);
  floors = {
    giga_multiplications: rounded(counter.multiplications / share),
    gigabytes: rounded(counter.bytes / share),
  };
}
const sorted = times.map((t) => t / (work.per ?? 1)).sort((a, b) => a - b);
console.log(
  JSON.stringify({
    case: caseName,
    model: values.model,
    shape,
    median_ms: rounded(sorted[sorted.length >> 1]),
    min_ms: rounded(sorted[0]),
    runs: sorted.length,
    cpu_ms: rounded((user + system) / 1000),
    ...floors,
    peak_mib: rounded(process.resourceUsage().maxRSS / 1024),
  }),
);
process.exit(0);

/** Two runs to warm up (one where a run is long), then nine, or three and as many as fit in the time. */
async function timesOf(run) {
  const limit = 1000 * Number(process.env.BENCH_SECONDS ?? 20);
  const started = performance.now();
  await run();
  if (performance.now() - started < limit / 4) await run();
  const times = [];
  const until = performance.now() + limit;
  while (times.length < 9 && (times.length < 3 || performance.now() < until)) {
    const start = performance.now();
    await run();
    times.push(performance.now() - start);
  }
  return times;
}

function rounded(x) {
  return Math.round(x * 100) / 100;
}
