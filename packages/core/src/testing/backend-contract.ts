/** @file The contract of a backend: that it computes what the interpreter says programs mean, and refuses what is wrong. */
import type { Backend, WeightStore } from '../ir/backend.js';
import { ProgramBuilder } from '../ir/builder.js';
import type { DimSizes } from '../ir/dims.js';
import { interpret } from '../ir/interpreter.js';
import { floatTensor } from '../ir/tensor.js';
import type { Program } from '../ir/types.js';
import { memoryWeights } from '../ir/weights.js';
import { seededFeeds, stepsApart } from './agreement.js';
import { type ContractCheck, require, requireSentence, thrownBy } from './contract.js';
import { draws } from './draws.js';
import { OP_CASES, type OpCase } from './op-cases.js';
import { randomProgram } from './random-program.js';
import { roundingsAmplified } from './roundings.js';

export interface BackendContractOptions {
  /** How many random programs; default 40. */
  readonly randomPrograms?: number;
}

/** Elementwise ops and contractions over at most 13·5·5 terms stay within a few roundings of the largest number. */
const OP_ROUNDINGS = 16;
/** A random program may amplify its own roundings; an op of a backend may be off by this many where one is the least. */
const ROUNDINGS_PER_OP = 16;

const SIZES: readonly DimSizes[] = [
  { batch: 2, pos: 3 },
  { batch: 5, pos: 1 },
  { batch: 1, pos: 13 },
];

/**
 * Every check of a backend: each op in every form at several sizes, random programs over all ops, several runs at once and
 * one after another, sentences for feeds and weights that do not fit. The backend is made once, at the first check, and
 * disposed by the last.
 */
export function backendContract(
  makeBackend: () => Promise<Backend>,
  options: BackendContractOptions = {},
): ContractCheck[] {
  const { randomPrograms = 40 } = options;
  let made: Promise<Backend> | undefined;
  const backendMade = (): Promise<Backend> => {
    made ??= makeBackend();
    return made;
  };
  const onBackend = (name: string, run: (backend: Backend) => Promise<void>): ContractCheck => ({
    name,
    run: async () => run(await backendMade()),
  });
  return [
    onBackend('says what it is', async ({ info }) => {
      require(info.backend.length > 0 &&
        info.device.length > 0 &&
        info.runtime.length > 0, 'the info has gaps', 'names', JSON.stringify(info));
      require(Number.isInteger(info.threads) &&
        info.threads >= 1, 'the number of threads', 'a whole number from 1', `${info.threads}`);
    }),
    ...Object.entries(OP_CASES).map(([op, cases]) =>
      onBackend(`op ${op}`, async (backend) => {
        for (const opCase of cases) await requireOp(backend, op, opCase);
      }),
    ),
    onBackend(`${randomPrograms} random programs`, async (backend) => {
      for (let seed = 1; seed <= randomPrograms; seed++) await requireRandomProgram(backend, seed);
    }),
    onBackend('runs several times, at once, without mixing results up', requireIndependentRuns),
    onBackend('refuses feeds and weights that do not fit, in a sentence', requireRefusals),
    {
      name: 'can be disposed',
      run: async () => (await backendMade()).dispose(),
    },
  ];
}

async function requireOp(backend: Backend, op: string, { title, build }: OpCase): Promise<void> {
  const b = new ProgramBuilder(`${op}, ${title}`);
  build(b);
  const program = b.build();
  const executable = await backend.compile(program, OP_WEIGHTS);
  for (const [seed, sizes] of SIZES.entries()) {
    const feeds = seededFeeds(program, sizes, seed + 1);
    const apart = stepsApart(await executable.run(feeds), interpret(program, feeds, OP_WEIGHTS));
    const at = Object.entries(sizes).map(([name, size]) => `${name} ${size}`);
    require(apart <=
      OP_ROUNDINGS, `${op} (${title}) at ${at.join(', ')}`, `at most ${OP_ROUNDINGS} roundings apart`, apart.toPrecision(
      3,
    ));
  }
  await executable.dispose();
}

async function requireRandomProgram(backend: Backend, seed: number): Promise<void> {
  const { program, feeds, weights } = randomProgram(seed);
  const executable = await backend.compile(program, weights);
  const apart = stepsApart(await executable.run(feeds), interpret(program, feeds, weights));
  const most = ROUNDINGS_PER_OP * Math.max(1, roundingsAmplified(program, feeds, weights));
  require(apart <= most, `random program ${seed}`, `at most ${most.toPrecision(3)} roundings apart`, apart.toPrecision(
    3,
  ));
  await executable.dispose();
}

/** y = 3x + w, for x [batch, 2]. */
function lineProgram(): Program {
  const b = new ProgramBuilder('line');
  const x = b.input('x', 'float', ['batch', 2]);
  b.output('y', b.add(b.mul(x, 3), b.weight('w', [2])));
  return b.build();
}
const LINE_WEIGHTS = memoryWeights({ w: { shape: [2], data: Float32Array.of(10, 20) } });

async function requireIndependentRuns(backend: Backend): Promise<void> {
  const [first, second] = [
    await backend.compile(lineProgram(), LINE_WEIGHTS),
    await backend.compile(lineProgram(), LINE_WEIGHTS),
  ];
  const feed = (batch: number, at: number) => ({ x: floatTensor(new Float32Array(2 * batch).fill(at), [batch, 2]) });
  const asked = [feed(1, 1), feed(3, 2), feed(2, -1), feed(1, 1)];
  const results = await Promise.all(asked.map((feeds, i) => (i % 2 === 0 ? first : second).run(feeds)));
  for (const [i, feeds] of asked.entries()) {
    const apart = stepsApart(results[i]!, interpret(lineProgram(), feeds, LINE_WEIGHTS, { precision: 'float32' }));
    require(apart <= OP_ROUNDINGS, `run ${i} of several at once`, 'its own result', `${apart} roundings apart`);
  }
  await first.dispose();
  const after = await second.run(feed(1, 4));
  require(after.y?.data[0] === 22 &&
    after.y.data[1] === 32, 'a run after another executable was disposed', '22, 32', `${after.y?.data}`);
  require(results[0]!.y?.data[0] === 13, 'results of an earlier run changed', '13', `${results[0]!.y?.data[0]}`);
  await second.dispose();
}

async function requireRefusals(backend: Backend): Promise<void> {
  const executable = await backend.compile(lineProgram(), LINE_WEIGHTS);
  const x = floatTensor(new Float32Array(2), [1, 2]);
  const refused = async (what: string, feeds: Record<string, typeof x>, about: RegExp): Promise<void> =>
    requireSentence(await thrownBy(() => executable.run(feeds), what), what, about);
  await refused('a missing feed', {}, /x/);
  await refused('a feed too many', { x, other: x }, /other/);
  await refused('a feed of another shape', { x: floatTensor(new Float32Array(3), [1, 3]) }, /x/);
  await executable.dispose();
  const unknown = await thrownBy(() => backend.compile(lineProgram(), memoryWeights({})), 'a weight that is not there');
  requireSentence(unknown, 'a weight that is not there', /"w"/);
}

const seeded = (length: number, seed: number): Float32Array => {
  const random = draws(seed);
  return Float32Array.from({ length }, () => random.uniform(-2, 2));
};
const OP_WEIGHTS: WeightStore = memoryWeights({
  w: { shape: [4, 3], data: seeded(12, 7) },
  w5: { shape: [5, 3], data: seeded(15, 8) },
  w3: { shape: [3, 5], data: seeded(15, 9) },
});
