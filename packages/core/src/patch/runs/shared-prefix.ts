/**
 * @file A prefix that the clean and the corrupt prompt of each pair share: run once, kept as keys and values, and left out of
 * what is patched (AutoCircuit's tail divergence). What is patched in differs only from the first token that differs, so under
 * resample this changes nothing but the work; other ablations then leave the prefix as it is.
 */

import type { Backend } from '../../backend/backend.js';
import { AutoCircuitError } from '../../errors/error.js';
import { buildGraph, optionsFor } from '../../graph/build.js';
import { ProgramBuilder } from '../../ir/builder/builder.js';
import { simplify } from '../../ir/passes/simplify.js';
import type { AnyValue, Program } from '../../ir/program/program.js';
import type { ModelObject } from '../../model/model.js';
import type { KeptPrefix, Prompt } from '../../prompts/types.js';
import { elementCount, floatTensor, intTensor, type Tensor } from '../../tensor/tensor.js';
import { plainPoints } from '../modes/plain.js';
import { prefixInputName } from '../modes/prefix-kv.js';

/** How many first tokens the two sides of every pair share; one at least is left, to be run. */
export function sharedPrefixLength(prompts: readonly Prompt[]): number {
  return prompts.reduce((least, { clean, corrupt }) => {
    const differs = clean.findIndex((token, i) => token !== corrupt[i]);
    return Math.min(least, differs < 0 ? clean.length - 1 : differs);
  }, Number.POSITIVE_INFINITY);
}

/**
 * The model as it runs after a prefix of so many tokens.
 * @throws AutoCircuitError `unsupported-model` for models whose trace knows nothing of a prefix, or that read outputs at all but the first position
 */
export function afterPrefix(model: ModelObject, length: number): ModelObject {
  const { spec } = model;
  if (!spec.takesPrefix || spec.outputs === 'not-first') {
    throw new AutoCircuitError({
      code: 'unsupported-model',
      where: 'core/patch',
      what: `model "${model.name}" cannot be run after a shared prefix`,
      expected: 'causal attention, and outputs read at the last position or at all that are run',
      fix: 'run whole prompts',
      fields: { model: model.name },
    });
  }
  const maxPositions = spec.maxPositions === null ? null : spec.maxPositions - length;
  const tables = spec.tablePositions === undefined ? {} : { tablePositions: spec.tablePositions - length };
  return Object.freeze({ ...model, spec: Object.freeze({ ...spec, prefix: length, maxPositions, ...tables }) });
}

/** Tokens → every attention's keys and values, as `prefixInputName` has them. */
export function prefixProgram(model: ModelObject): Program {
  const b = new ProgramBuilder('shared-prefix');
  const points = plainPoints({
    builder: b,
    graph: buildGraph(model.spec.layout, optionsFor(model.spec.layout)),
    input: b.input('tokens', 'int', ['batch', 'prefix']),
    weight: (name, shape) => b.weight(name, shape),
  });
  const keep = (site: string, part: 'k' | 'v', value: AnyValue): AnyValue => {
    b.output(prefixInputName(site, part), value);
    return value;
  };
  model.trace({
    ...points,
    withPrefix: (site, k, v) => ({ k: keep(site, 'k', k), v: keep(site, 'v', v) }),
  });
  return simplify(b.build());
}

/** Prompts of a run of the prefix: its keys and values are fetched for so many at once. */
const PROMPTS_AT_ONCE = 16;

/** The prompts without their first `length` tokens, each with the keys and values of these. The model is the whole one. */
export async function withoutPrefix(
  model: ModelObject,
  backend: Backend,
  prompts: readonly Prompt[],
  length: number,
): Promise<Prompt[]> {
  const executable = await backend
    .compile(prefixProgram(model), model.weights, { repeated: false })
    .catch((error: unknown) => {
      model.weights.check?.();
      throw error;
    });
  try {
    const cut: Prompt[] = [];
    for (let start = 0; start < prompts.length; start += PROMPTS_AT_ONCE) {
      const some = prompts.slice(start, start + PROMPTS_AT_ONCE);
      const ids = some.flatMap(({ clean }) => (clean as readonly number[]).slice(0, length));
      const results = await executable.run({ tokens: intTensor(ids, [some.length, length]) });
      model.weights.check?.();
      const entries = Object.entries(results);
      some.forEach((prompt, i) => {
        const kept = Object.fromEntries(entries.map(([name, tensor]) => [name, rowOf(tensor, i)]));
        const { clean, corrupt } = prompt as { clean: readonly number[]; corrupt: readonly number[] };
        const prefix: KeptPrefix = { tokens: clean.slice(0, length), kept };
        cut.push({ ...prompt, clean: clean.slice(length), corrupt: corrupt.slice(length), prefix });
      });
    }
    return cut;
  } finally {
    await executable.dispose();
  }
}

/** Item i of [groups, 1, batch, prefix, width]: [groups, 1, 1, prefix, width]. */
function rowOf({ shape, data }: Tensor, i: number): Tensor<Float32Array> {
  const [groups, one, batch, ...rest] = shape as [number, number, number, number, number];
  const row = elementCount(rest);
  const out = new Float32Array(groups * row);
  for (let g = 0; g < groups; g++) {
    const start = (g * batch + i) * row;
    for (let j = 0; j < row; j++) out[g * row + j] = data[start + j]!;
  }
  return floatTensor(out, [groups, one, 1, ...rest]);
}
