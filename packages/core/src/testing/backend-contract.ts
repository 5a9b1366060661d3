/** @file The contract of a backend: that it computes what the interpreter says programs mean, and refuses what is wrong. */
import type { Backend, WeightStore } from '../backend/backend.js';
import { interpret } from '../backend/interpreter/interpreter.js';
import { memoryWeights } from '../backend/memory-weights.js';
import { ProgramBuilder } from '../ir/builder/builder.js';
import type { DimSizes } from '../ir/program/dims.js';
import { seededFeeds, stepsApart } from './agreement.js';
import {
  requireDisposal,
  requireIndependentRuns,
  requireIndices,
  requireNothingLeft,
  requireOwnResults,
  requireRefusals,
} from './backend-behaviour.js';
import { COMPOSITE_CASES } from './composite-cases.js';
import { type ContractCheck, require } from './contract.js';
import { draws } from './draws.js';
import { MODEL_CASES } from './model-cases.js';
import { OP_CASES, type OpCase } from './op-cases.js';
import { randomProgram } from './random-program.js';
import { roundingsAmplified } from './roundings.js';

/** How thoroughly a backend is tried. */
export interface BackendContractOptions {
  /** How many random programs; default 40. */
  readonly randomPrograms?: number;
  /**
   * Counts what the backend holds (tensors, sessions, bytes): where it is given, runs must not make it grow, and disposing
   * must bring it back.
   */
  readonly live?: () => number;
  /** How many runs are made while `live` is watched; default 100. */
  readonly watchedRuns?: number;
}

/** Elementwise ops and contractions over at most 1,001 terms stay within a few roundings of the largest number. */
const OP_ROUNDINGS = 16;
/** A random program may amplify its own roundings; an op of a backend may be off by this many where one is the least. */
const ROUNDINGS_PER_OP = 16;

const SIZES: readonly DimSizes[] = [
  { batch: 2, pos: 3 },
  { batch: 5, pos: 1 },
  { batch: 1, pos: 13 },
  { batch: 7, pos: 11 },
];

/**
 * Every check of a backend: each op in every form (and as real models use it) at several sizes, composites, random programs over all ops, several runs at once and
 * one after another, lifetimes, sentences for feeds, weights and indices that do not fit. The backend is made once, at the first check, and
 * disposed by the last.
 */
export function backendContract(
  makeBackend: () => Promise<Backend>,
  options: BackendContractOptions = {},
): ContractCheck[] {
  const { randomPrograms = 40, live, watchedRuns = 100 } = options;
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
        for (const opCase of cases) await requireCase(backend, op, opCase);
      }),
    ),
    ...Object.entries(MODEL_CASES).map(([op, cases]) =>
      onBackend(`op ${op}, as models use it`, async (backend) => {
        for (const opCase of cases) await requireCase(backend, op, opCase);
      }),
    ),
    onBackend('composites, whole and looked into', async (backend) => {
      for (const compositeCase of COMPOSITE_CASES) await requireCase(backend, 'composite', compositeCase, true);
    }),
    onBackend(`${randomPrograms} random programs`, async (backend) => {
      for (let seed = 1; seed <= randomPrograms; seed++) await requireRandomProgram(backend, seed);
    }),
    onBackend('runs several times, at once, without mixing results up', requireIndependentRuns),
    onBackend('refuses feeds and weights that do not fit, in a sentence', requireRefusals),
    onBackend('refuses indices that are out of range, and goes on', requireIndices),
    onBackend("gives results that are the caller's own", requireOwnResults),
    onBackend('refuses runs after dispose()', requireDisposal),
    ...(live ? [onBackend('releases everything', (backend) => requireNothingLeft(backend, live, watchedRuns))] : []),
    {
      name: 'can be disposed',
      run: async () => (await backendMade()).dispose(),
    },
  ];
}

/** `composed`: several ops, which may amplify their roundings. */
async function requireCase(backend: Backend, op: string, { title, build }: OpCase, composed = false): Promise<void> {
  const b = new ProgramBuilder(`${op}, ${title}`);
  build(b);
  const program = b.build();
  const executable = await backend.compile(program, OP_WEIGHTS);
  for (const [seed, sizes] of SIZES.entries()) {
    const feeds = seededFeeds(program, sizes, seed + 1);
    const apart = stepsApart(await executable.run(feeds), interpret(program, feeds, OP_WEIGHTS));
    const most = composed ? mostRoundings(program, feeds, OP_WEIGHTS) : OP_ROUNDINGS;
    const at = Object.entries(sizes).map(([name, size]) => `${name} ${size}`);
    const limit = `at most ${most.toPrecision(3)} roundings apart`;
    require(apart <= most, `${op} (${title}) at ${at.join(', ')}`, limit, apart.toPrecision(3));
  }
  await executable.dispose();
}
const mostRoundings = (...run: Parameters<typeof roundingsAmplified>): number =>
  ROUNDINGS_PER_OP * Math.max(1, roundingsAmplified(...run));

async function requireRandomProgram(backend: Backend, seed: number): Promise<void> {
  const { program, feeds, weights } = randomProgram(seed);
  const executable = await backend.compile(program, weights);
  const apart = stepsApart(await executable.run(feeds), interpret(program, feeds, weights));
  const most = mostRoundings(program, feeds, weights);
  require(apart <= most, `random program ${seed}`, `at most ${most.toPrecision(3)} roundings apart`, apart.toPrecision(
    3,
  ));
  await executable.dispose();
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
