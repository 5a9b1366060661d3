/** @file The contract of a backend beside its numbers: lifetimes, runs at once, refusals, and that everything is released. */
import type { Backend, Executable, Feeds, Results } from '../backend/backend.js';
import { interpret } from '../backend/interpreter/interpreter.js';
import { memoryWeights } from '../backend/memory-weights.js';
import { ProgramBuilder } from '../ir/builder/builder.js';
import type { AnyValue, Program } from '../ir/program/program.js';
import { floatTensor, intTensor } from '../tensor/tensor.js';
import { stepsApart } from './agreement.js';
import { require, requireSentence, thrownBy } from './contract.js';

/** Sums of two numbers that are exact in float32. */
const ROUNDINGS = 1;

const program = (name: string, build: (b: ProgramBuilder) => void): Program => {
  const b = new ProgramBuilder(name);
  build(b);
  return b.build();
};
/** y = 3x + w, for x [batch, 2]. */
const LINE = program('line', (b) => {
  b.output('y', b.add(b.mul(b.input('x', 'float', ['batch', 2]), 3), b.weight('w', [2])));
});
/** z = wᵀ·x, of the same weight. */
const PRODUCT = program('product', (b) => {
  b.output('z', b.matmul(b.input('x', 'float', ['batch', 2]), b.reshape(b.weight('w', [2]), [2, 1])));
});
const WEIGHTS = memoryWeights({ w: { shape: [2], data: Float32Array.of(10, 20) } });
const feed = (batch: number, at: number) => ({ x: floatTensor(new Float32Array(2 * batch).fill(at), [batch, 2]) });

function requireResult(got: Results, of: Program, feeds: Feeds, what: string): void {
  const apart = stepsApart(got, interpret(of, feeds, WEIGHTS, { precision: 'float32' }));
  require(apart <= ROUNDINGS, what, 'the result of its own feeds', `${apart} roundings apart`);
}

/** Several runs at once and one after another do not disturb each other. */
export async function requireIndependentRuns(backend: Backend): Promise<void> {
  const programs = [LINE, PRODUCT, LINE];
  const executables: Executable[] = [];
  for (const of of programs) executables.push(await backend.compile(of, WEIGHTS));
  const asked = [feed(1, 1), feed(3, 2), feed(2, -1), feed(1, 1), feed(7, 5), feed(2, 4)];
  const results = await Promise.all(asked.map((feeds, i) => executables[i % 3]!.run(feeds)));
  for (const [i, feeds] of asked.entries()) {
    requireResult(results[i]!, programs[i % 3]!, feeds, `run ${i} of several at once`);
  }
  const [first, , second] = executables as [Executable, Executable, Executable];
  const last = first.run(feed(4, 2));
  await first.dispose();
  requireResult(await last, LINE, feed(4, 2), 'a run that was asked for before its executable was disposed');
  requireResult(await second.run(feed(1, 4)), LINE, feed(1, 4), 'a run after another executable was disposed');
  require(results[0]!.y?.data[0] === 13, 'results of an earlier run changed', '13', `${results[0]!.y?.data[0]}`);
  for (const executable of executables.slice(1)) await executable.dispose();
}

/** An executable may be disposed twice, and refuses runs after that. */
export async function requireDisposal(backend: Backend): Promise<void> {
  const executable = await backend.compile(LINE, WEIGHTS);
  await executable.dispose();
  await executable.dispose();
  const what = 'a run after dispose()';
  requireSentence(await thrownBy(() => executable.run(feed(1, 1)), what), what, /dispose/);
}

/** Results are the caller's: no view of a feed, of a weight or of another result. */
export async function requireOwnResults(backend: Backend): Promise<void> {
  const of = program('the same again', (b) => {
    const x = b.input('x', 'float', ['batch', 2]);
    const square = b.mul(x, x);
    b.output('fed', x);
    b.output('reshaped', b.reshape(x, [2, 'batch']));
    b.output('weight', b.weight('w', [2]));
    b.output('square', square);
    b.output('square again', square);
    b.output('table', b.constant([1, 2, 3], [3]));
  });
  const executable = await backend.compile(of, WEIGHTS);
  const feeds = feed(3, 2);
  for (const time of ['first', 'second']) {
    const results = await executable.run(feeds);
    requireResult(results, of, feed(3, 2), `the ${time} of two runs, the caller writing into its results`);
    for (const { data } of Object.values(results)) data.fill(99);
  }
  requireResult(
    { fed: feeds.x },
    program('fed', (b) => b.output('fed', b.input('x', 'float', [3, 2]))),
    feed(3, 2),
    'a feed',
  );
  await executable.dispose();
}

/** Feeds and weights that do not fit are refused with a sentence, and the executable goes on. */
export async function requireRefusals(backend: Backend): Promise<void> {
  const executable = await backend.compile(LINE, WEIGHTS);
  const { x } = feed(1, 1);
  const refused = async (what: string, feeds: Feeds, about: RegExp): Promise<void> =>
    requireSentence(await thrownBy(() => executable.run(feeds), what), what, about);
  await refused('a missing feed', {}, /x/);
  await refused('a feed too many', { x, other: x }, /other/);
  await refused('a feed of another shape', { x: floatTensor(new Float32Array(3), [1, 3]) }, /x/);
  await refused('a feed of another rank', { x: floatTensor(new Float32Array(2), [2]) }, /x/);
  await refused('a feed of another dtype', { x: intTensor([1, 2], [1, 2]) }, /x.*dtype/);
  await refused('an empty batch', { x: floatTensor(new Float32Array(0), [0, 2]) }, /x.*empty/);
  await refused('a feed that does not fill its shape', { x: { ...x, shape: [2, 2] } }, /x/);
  requireResult(await executable.run({ x }), LINE, { x }, 'a run after feeds were refused');
  const double = { x: floatTensor(Float64Array.of(1, 0.1), [1, 2]) };
  const apart = stepsApart(await executable.run(double), interpret(LINE, double, WEIGHTS));
  require(apart <= 2, 'feeds in float64', 'at most 2 roundings apart', `${apart}`);
  await executable.dispose();
  const unknown = await thrownBy(() => backend.compile(LINE, memoryWeights({})), 'a weight that is not there');
  requireSentence(unknown, 'a weight that is not there', /"w"/);
  const turned = memoryWeights({ w: { shape: [1, 2], data: Float32Array.of(1, 2) } });
  const wrong = await thrownBy(() => backend.compile(LINE, turned), 'a weight of another shape');
  requireSentence(wrong, 'a weight of another shape', /"w"/);
}

/** Indices beyond the end and below 0; the executable goes on afterwards. */
export async function requireIndices(backend: Backend): Promise<void> {
  const forms: readonly [string, (b: ProgramBuilder, x: AnyValue, i: AnyValue) => AnyValue][] = [
    ['gather', (b, x, i) => b.gather(x, i, 1)],
    ['scatterAdd', (b, x, i) => b.scatterAdd(x, i, 1, 2)],
  ];
  for (const [op, make] of forms) {
    const of = program(op, (b) =>
      b.output('y', make(b, b.input('x', 'float', ['batch', 2]), b.input('i', 'int', [2]))),
    );
    const executable = await backend.compile(of, WEIGHTS);
    const at = (index: number): Feeds => ({ ...feed(2, 1), i: intTensor([0, index], [2]) });
    const what = `${op} with an index out of range`;
    requireSentence(await thrownBy(() => executable.run(at(7)), what), what, /7/);
    // No counting from the end, as some runtimes do.
    requireSentence(await thrownBy(() => executable.run(at(-1)), `${op} with index -1`), what, /-1/);
    requireResult(await executable.run(at(1)), of, at(1), `${op} after an index was refused`);
    await executable.dispose();
  }
}

/** `live` counts what the backend holds; runs, failures and programs must leave none of it. */
export async function requireNothingLeft(backend: Backend, live: () => number, runs: number): Promise<void> {
  const before = live();
  const executables = [await backend.compile(LINE, WEIGHTS), await backend.compile(PRODUCT, WEIGHTS)];
  for (const executable of executables) await executable.run(feed(2, 1));
  const compiled = live();
  for (let i = 0; i < runs; i++) {
    await executables[i % 2]!.run(feed(1 + (i % 5), i));
    require(live() === compiled, `what is held after run ${i + 1}`, `${compiled}`, `${live()}`);
  }
  await requireIndices(backend);
  await requireRefusals(backend);
  require(live() === compiled, 'what is held after runs that failed', `${compiled}`, `${live()}`);
  for (const executable of executables) await executable.dispose();
  require(live() === before, 'what is held after all is disposed', `${before}`, `${live()}`);
}
