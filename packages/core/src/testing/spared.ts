/** @file What a transform saves of a random program: the same numbers, and the ops that compute fewer of them. */

import { programInputs } from '../backend/check-feeds.js';
import { interpret } from '../backend/interpreter/interpreter.js';
import { checkProgram } from '../ir/builder/check.js';
import { evaluateShape } from '../ir/program/dims.js';
import { printProgram } from '../ir/program/print.js';
import type { OpName, Program } from '../ir/program/program.js';
import { elementCount } from '../tensor/tensor.js';
import { FLOAT32_STEP, stepsApart } from './agreement.js';
import type { RandomProgram } from './random-program.js';

/** Sizes that random programs are fed with. */
export const RANDOM_SIZES = Object.freeze({ batch: 2, pos: 3 });
/** The same sums in float64, in another order or without zeros: of the largest number of an output. */
const TOLERANCE = 1e-12;

/** @throws Error when the two programs do not give the same numbers under the same names */
export function sparedOps(before: Program, after: Program, random: RandomProgram): OpName[] {
  checkProgram(after);
  const [wanted, got] = [before, after].map((program) => {
    const names = programInputs(program).map(({ attributes: { name } }) => name);
    const feeds = Object.fromEntries(names.map((name) => [name, random.feeds[name]!]));
    return interpret(program, feeds, random.weights);
  });
  const apart = stepsApart(got!, wanted!) * FLOAT32_STEP;
  if (!(apart <= TOLERANCE))
    throw new Error(`numbers are ${apart} of the largest apart\n${printProgram(before)}\n${printProgram(after)}`);
  const counts = computed(after);
  return [...computed(before)].flatMap(([op, count]) => ((counts.get(op) ?? 0) < count ? [op] : []));
}

/** Numbers that a program computes, by op. */
function computed(program: Program): Map<OpName, number> {
  const counts = new Map<OpName, number>();
  for (const { op, shape } of program.values)
    counts.set(op, (counts.get(op) ?? 0) + elementCount(evaluateShape(shape, RANDOM_SIZES)));
  return counts;
}
