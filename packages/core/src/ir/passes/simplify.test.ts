import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Feeds, Results } from '../../backend/backend.js';
import { programInputs } from '../../backend/check-feeds.js';
import { interpret } from '../../backend/interpreter/interpreter.js';
import { ALL_OPS, type RandomProgram, randomProgram } from '../../testing/random-program.js';
import { gradient } from '../autodiff/gradient.js';
import { ProgramBuilder } from '../builder/builder.js';
import { checkProgram } from '../builder/check.js';
import { printProgram } from '../program/print.js';
import type { OpName, Program } from '../program/program.js';
import { simplify } from './simplify.js';

/** Only the feeds that the program still asks for. */
const feedsOf = (program: Program, feeds: Feeds): Feeds =>
  Object.fromEntries(programInputs(program).map(({ attributes: { name } }) => [name, feeds[name]!]));

/**
 * Simplifying reorders sums, so results differ by rounding: a few hundred operations of 1e-16 each, on values within
 * ±30 whose errors the later operations scale by at most about a hundred. 1e-12 of the largest element holds that.
 */
function expectSame(got: Results, wanted: Results, relative: number, context: () => string): void {
  for (const [name, { shape, data }] of Object.entries(wanted)) {
    expect(got[name]!.shape).toEqual(shape);
    const scale = Math.max(1, ...Array.from(data, Math.abs));
    data.forEach((x, i) => {
      if (Math.abs(x - got[name]!.data[i]!) <= relative * scale) return;
      throw new Error(`${name}[${i}]: ${got[name]!.data[i]} instead of ${x}\n${context()}`);
    });
  }
}

/** The program, and gradients of its first float output with respect to all float inputs and some value between. */
function withGradients(program: Program): Program {
  const b = new ProgramBuilder(program.name);
  for (const value of program.values) b.copy(value, value.inputs, value.composite);
  for (const { name, id } of program.outputs) b.output(name, b.value(id));
  const of = program.outputs.map(({ id }) => b.value(id)).find((v) => v.dtype === 'float');
  if (!of) return b.build();
  const total = b.mean(
    of,
    of.shape.map((_, axis) => axis),
  );
  const between = program.values.filter((v) => v.dtype === 'float' && v.op !== 'input');
  const wrt = [
    ...programInputs(program)
      .filter((v) => v.dtype === 'float')
      .slice(0, 3),
    ...between.slice(-2),
  ].map((v) => b.value(v.id));
  gradient(b, total, wrt).forEach((g, i) => {
    b.output(`g${i}`, g);
  });
  return b.build();
}

function compare(random: RandomProgram, program: Program): void {
  checkProgram(program);
  const simple = simplify(program);
  checkProgram(simple);
  expect(simple.outputs.map((o) => o.name)).toEqual(program.outputs.map((o) => o.name));
  expect(printProgram(simplify(simple))).toBe(printProgram(simple));
  const wanted = interpret(program, random.feeds, random.weights);
  const got = interpret(simple, feedsOf(simple, random.feeds), random.weights);
  expectSame(got, wanted, 1e-12, () => `${printProgram(program)}${printProgram(simple)}`);
}

describe('simplify on random programs', () => {
  it('gives the same numbers, forward and gradients, and a program that checks and is settled', () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(fc.nat(1e6), fc.boolean(), (seed, differentiate) => {
        const random = randomProgram(seed);
        const program = differentiate ? withGradients(random.program) : random.program;
        for (const { op } of program.values) seen.add(op);
        compare(random, program);
      }),
      { numRuns: 400, seed: 5 },
    );
    expect(ALL_OPS.filter((op) => !seen.has(op))).toEqual([]);
  });
  it('also where most ops move, spread and sum, so that the rules on these meet', () => {
    const ops: OpName[] = [
      'transpose',
      'reshape',
      'reshape',
      'broadcast',
      'sum',
      'sum',
      'matmul',
      'slice',
      'concat',
      'pad',
      'gather',
      'mul',
    ];
    fc.assert(
      fc.property(fc.nat(1e6), (seed) => {
        const random = randomProgram(seed, { ops, steps: 16 });
        compare(random, random.program);
      }),
      { numRuns: 500, seed: 6 },
    );
  });
});
