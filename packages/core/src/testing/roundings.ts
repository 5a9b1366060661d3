/** @file How strongly a program amplifies roundings: it is run with every rounding op off by one step, up or down. */
import type { Feeds, WeightStore } from '../backend/backend.js';
import { interpret } from '../backend/interpreter/interpreter.js';
import { ProgramBuilder } from '../ir/builder/builder.js';
import { OP_TRAITS } from '../ir/ops/op-traits.js';
import type { AnyValue, Program } from '../ir/program/program.js';
import { FLOAT32_STEP, stepsApart } from './agreement.js';
import { draws } from './draws.js';

/** Ways in which the roundings go. */
const DRAWS = 4;

/**
 * How far the outputs of a program move, in float32 roundings, when every op that rounds is off by one: the larger of the
 * interpreter in float32 (each number rounded for itself) and of a few runs in float64 in which every such value is
 * multiplied by 1 + 2⁻²³ or 1 − 2⁻²³ as a whole (roundings that do not cancel).
 */
export function roundingsAmplified(program: Program, feeds: Feeds, weights: WeightStore): number {
  const exact = interpret(program, feeds, weights);
  const apart = [stepsApart(interpret(program, feeds, weights, { precision: 'float32' }), exact)];
  for (let seed = 1; seed <= DRAWS; seed++) {
    apart.push(stepsApart(interpret(withRoundings(program, seed), feeds, weights), exact));
  }
  return Math.max(...apart);
}

/** The same program with a factor of 1 ± 2⁻²³ after every op that rounds. */
export function withRoundings(program: Program, seed: number): Program {
  const random = draws(seed);
  const b = new ProgramBuilder(program.name);
  const copied: AnyValue[] = [];
  for (const value of program.values) {
    const copy = b.copy(
      value,
      value.inputs.map((id) => copied[id]!.id),
    );
    const rounded = value.dtype === 'float' && OP_TRAITS[value.op].rounds;
    copied.push(rounded ? b.mul(copy, 1 + (random.chance(0.5) ? FLOAT32_STEP : -FLOAT32_STEP)) : copy);
  }
  for (const { name, id } of program.outputs) b.output(name, copied[id]!);
  return b.build();
}
