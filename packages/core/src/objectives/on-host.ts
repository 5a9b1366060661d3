/** @file Losses of plugins on the host: those with a gradient of their own, and program fragments by the interpreter in float64. */
import { interpret } from '../backend/interpreter/interpreter.js';
import { memoryWeights } from '../backend/memory-weights.js';
import { calledMember, pluginFailed, shown } from '../errors/plugin-failed.js';
import { ProgramBuilder } from '../ir/builder/builder.js';
import type { AnyValue } from '../ir/program/program.js';
import type { PromptBatch } from '../prompts/types.js';
import { type FloatArray, floatTensor, type Tensor } from '../tensor/tensor.js';
import type { FragmentObjective, HostObjective } from './objective.js';
import { positionRows } from './output-rows.js';
import { REFERENCE_INPUT, traceFragment } from './traced-fragment.js';

/** The loss of each prompt [prompts]. @throws AutoCircuitError `plugin-failed` where it gives anything else */
export function hostLosses(objective: HostObjective, logits: Tensor<FloatArray>, batch: PromptBatch): Float64Array {
  return checkedNumbers(objective, 'value', logits, batch, batch.prompts.length, 'a number for each prompt');
}

/** ∂M/∂logits, shaped like the logits. @throws AutoCircuitError `plugin-failed` where it gives anything else */
export function hostGradient(
  objective: HostObjective,
  logits: Tensor<FloatArray>,
  batch: PromptBatch,
): Tensor<Float32Array> {
  const count = logits.data.length;
  const numbers = checkedNumbers(objective, 'gradient', logits, batch, count, 'a number for each logit');
  return floatTensor(Float32Array.from(numbers), logits.shape);
}

function checkedNumbers(
  objective: HostObjective,
  member: 'value' | 'gradient',
  logits: Tensor<FloatArray>,
  batch: PromptBatch,
  count: number,
  words: string,
): Float64Array {
  const called = { kind: 'objective', name: objective.name, member };
  const given: unknown = calledMember(called, () => objective[member](logits, batch));
  const isList = Array.isArray(given) || (ArrayBuffer.isView(given) && !(given instanceof DataView));
  const list = isList ? (given as unknown as ArrayLike<unknown>) : null;
  if (list?.length !== count) {
    throw pluginFailed(called, { what: `does not give ${words}`, expected: `${count} numbers`, got: shown(given) });
  }
  const numbers = Float64Array.from(list as ArrayLike<number>);
  const at = numbers.findIndex((x, i) => typeof list[i] !== 'number' || !Number.isFinite(x));
  if (at < 0) return numbers;
  throw pluginFailed(called, {
    what: 'gives something that is not a finite number',
    expected: words,
    got: `${String(list[at])} at index ${at}`,
  });
}

/** The loss of each prompt by a program fragment, in float64: [prompts]. */
export function fragmentLosses(
  objective: FragmentObjective,
  logits: Tensor<FloatArray>,
  batch: PromptBatch,
  reference: Tensor<FloatArray> | undefined,
): Float64Array {
  return interpretFragment(objective, logits, batch, reference, (b, losses) => b.output('losses', losses)).losses!;
}

/**
 * Runs a program that is made of a loss, on these logits.
 * @param finish names what the program gives
 */
export function interpretFragment(
  objective: FragmentObjective,
  logits: Tensor<FloatArray>,
  batch: PromptBatch,
  reference: Tensor<FloatArray> | undefined,
  finish: (b: ProgramBuilder, losses: AnyValue, logits: AnyValue) => void,
): Readonly<Record<string, Float64Array>> {
  const rows = positionRows(logits, batch); // refuses what does not fit
  const outputs = logits.shape.at(-1)!;
  const positions = rows[0]?.length ?? 1;
  const rest = logits.shape.slice(1);
  const b = new ProgramBuilder(`objective-${objective.name}`);
  const value = b.input('logits', 'float', ['batch', ...rest]); // [batch, positions?, outputs]
  const { losses, inputs, usesReference } = traceFragment(b, objective, value);
  finish(b, losses, value);
  const program = b.build();
  const wanted = objective.referenceLogits ?? reference;
  if (usesReference && !wanted) {
    throw pluginFailed(
      { kind: 'objective', name: objective.name, member: 'of' },
      { what: 'compares with the clean run, which is not given', expected: 'logits of the clean run' },
    );
  }
  const shape = [batch.prompts.length, ...rest];
  const feeds: Record<string, Tensor> = Object.fromEntries<Tensor>([
    ['logits', floatTensor(Float64Array.from(logits.data), shape)],
    [REFERENCE_INPUT, floatTensor(Float64Array.from(wanted?.data ?? logits.data), shape)],
    ...inputs.map(({ name, dense, data }): [string, Tensor] => [
      name,
      floatTensor(data(batch.prompts, { positions, outputs }), dense ? shape : [batch.prompts.length]),
    ]),
  ]);
  const fed = new Set(program.values.flatMap((v) => (v.op === 'input' ? [v.attributes.name] : [])));
  const only = Object.fromEntries(Object.entries(feeds).filter(([name]) => fed.has(name)));
  const results = interpret(program, only, memoryWeights({}));
  return Object.fromEntries(Object.entries(results).map(([name, { data }]) => [name, Float64Array.from(data)]));
}
