/**
 * @file Constants in the place of activations: one vector for each source node, the same at every position and for every prompt; and
 * how a loss moves with them, by which they are trained.
 */

import { gradient } from '../../ir/autodiff/gradient.js';
import { ProgramBuilder } from '../../ir/builder/builder.js';
import type { AnyValue, Program } from '../../ir/program/program.js';
import { type ObjectiveShape, objectiveFragment } from '../../objectives/fragment.js';
import type { PromptBatch, Side } from '../../prompts/types.js';
import { floatTensor, type Tensor } from '../../tensor/tensor.js';
import type { SiteTensors, SourceStore } from '../exec/activation-cache.js';
import { inputFeeds, maskFeeds, objectiveFeeds } from '../exec/feeds.js';
import { type Cut, floats } from '../exec/micro-batches.js';
import type { Executables, NamedProgram } from '../exec/program-cache.js';
import { ActivationDifferences, batchFirst } from '../modes/activation-differences.js';
import { formFor, patchedPoints } from '../modes/patched.js';
import {
  finish,
  INPUT,
  LOSSES,
  type PatchedSetting,
  patchInputName,
  readOut,
  type Setting,
  scopeOf,
  sourceOutputName,
} from '../programs/programs.js';
import type { ConstantPatch } from '../requests/ablations.js';
import type { ConstantGradient, ConstantGradientRequest } from '../requests/patchable-model.js';

/** input, mask, constants (as patches) → ∂M/∂patch summed over positions, by site [rows, batch, width]; and M [batch]. */
export function constantGradientProgram(setting: PatchedSetting & { readonly objective: ObjectiveShape }): Program {
  const b = new ProgramBuilder('constant-gradient');
  const fed: { readonly site: string; readonly value: AnyValue }[] = [];
  const points = patchedPoints({
    ...scopeOf(setting, b),
    form: setting.form ?? formFor(setting.graph),
    axes: setting.axes,
    differences: new ActivationDifferences(b, batchFirst(setting.axes)),
    joinsRows: true,
    patchOf({ block, value }) {
      const patch = b.input(patchInputName(block.site), 'float', value.shape); // [rows, batch, pos, width]
      fed.push({ site: block.site, value: patch });
      return patch;
    },
    onRead: (_group, value) => value,
  });
  const losses = objectiveFragment(b, setting.objective, readOut(setting, points)); // [batch]
  b.output(LOSSES, losses);
  const gradients = gradient(
    b,
    b.sum(losses, 0),
    fed.map(({ value }) => value),
  );
  for (const [i, { site }] of fed.entries()) b.output(sourceOutputName(site), b.sum(gradients[i]!, 2));
  return finish(setting, b);
}

/** What the engine runs it with. */
export interface ConstantRuns extends Setting {
  readonly executables: Executables;
  readonly store: SourceStore;
  cuts(program: NamedProgram): readonly Cut[];
}

export async function constantGradient(
  { executables, store, cuts: cutsFor, model, graph }: ConstantRuns,
  batch: PromptBatch,
  { input, patch, mask, objective }: ConstantGradientRequest,
): Promise<ConstantGradient> {
  const axes = { perItem: mask.perItem, perPosition: graph.options.positions !== null };
  const shape: ObjectiveShape =
    objective.kind === 'kl' ? { kind: 'kl' } : { kind: objective.kind, tokenFunction: objective.tokenFunction };
  const program: NamedProgram = {
    key: `constant-gradient-${objective.kind}${axes.perItem ? '-by-item' : ''}`,
    make: () => constantGradientProgram({ model, graph, supply: 'fed', axes, objective: shape }),
  };
  const cuts = cutsFor(program);
  const n = batch.prompts.length;
  const gradients = Object.fromEntries(
    Object.entries(patch.values).map(([site, { data }]) => [site, new Float64Array(data.length)]),
  );
  let loss = 0;
  for (const [start, stop] of cuts) {
    const parts = (await store.patch(batch, patch, start, stop, cuts))!;
    const results = await executables.run(
      program,
      {
        ...inputFeeds(INPUT, model.spec, batch, input, start, stop),
        ...Object.fromEntries([...parts].map(([site, tensor]) => [patchInputName(site), tensor])),
        ...Object.fromEntries(maskFeeds(graph, mask, n, start, stop)),
        ...Object.fromEntries(objectiveFeeds(model.spec, objective, batch, start, stop)),
      },
      { big: true },
    );
    for (const x of floats(results, LOSSES)) loss += x / n;
    for (const [site, { shape: of }] of Object.entries(patch.values)) {
      const [rows, width] = of as [number, number];
      const data = floats(results, sourceOutputName(site)); // [rows, items, width]
      const items = stop - start;
      for (let i = 0; i < data.length; i++) {
        const row = Math.floor(i / (items * width));
        gradients[site]![row * width + (i % width)]! += data[i]! / n;
      }
      if (data.length !== rows * items * width) throw new Error(`gradients of ${site} do not fit`);
    }
  }
  return { loss, gradients };
}

/** The means over prompts and positions of what sources write, by site [rows, width]: where training starts. */
export async function constantMeans(
  store: SourceStore,
  batches: readonly { readonly batch: PromptBatch; readonly cuts: readonly Cut[] }[],
  from: Side,
): Promise<ConstantPatch> {
  const sums = new Map<string, { readonly shape: readonly number[]; readonly sum: Float64Array }>();
  let total = 0;
  for (const { batch, cuts } of batches) {
    const weight = batch.prompts.length * batch.length;
    const means: SiteTensors = (await store.patch(batch, { kind: 'batch-position-mean', from }, 0, 1, cuts))!;
    for (const [site, { shape, data }] of means) {
      const [rows, , pos, width] = shape as [number, number, number, number]; // [rows, 1, pos, width]
      const entry = sums.get(site) ?? { shape: [rows, width], sum: new Float64Array(rows * width) };
      sums.set(site, entry);
      for (let i = 0; i < rows * width; i++) {
        entry.sum[i]! += weight * data[Math.floor(i / width) * pos * width + (i % width)]!; // at position 0: all are the same
      }
    }
    total += weight;
  }
  const values: Record<string, Tensor<Float32Array>> = {};
  for (const [site, { shape, sum }] of sums)
    values[site] = floatTensor(
      Float32Array.from(sum, (x) => x / total),
      shape,
    );
  return { kind: 'constant', values };
}
