/** @file Which latents matter on some prompts: those that differ most between clean and corrupt, by a program that any backend runs. */

import { type Backend, simplify } from '@auto-circuit/core/backend';
import {
  AutoCircuitError,
  inputOf,
  type PatchableModel,
  ProgramBuilder,
  type PromptBatch,
} from '@auto-circuit/core/plugin';
import type { Autoencoder } from './autoencoder.js';
import { type Attached, activations, attachedWeights } from './with-latents.js';

/** How strongly a latent answers to some prompts. */
export interface LatentStrength {
  readonly latent: number;
  /** Mean over tokens of |clean − corrupt|. */
  readonly difference: number;
  /** Mean over tokens of both sides. */
  readonly activity: number;
}
/** What is asked of `strongestLatents`. */
export interface StrongestRequest {
  /** The model without latents; its graph is the residual one for an autoencoder of the residual stream. */
  readonly model: PatchableModel;
  readonly backend: Backend;
  readonly autoencoder: Autoencoder;
  readonly batches: readonly PromptBatch[];
}

/**
 * All latents that are active at all, by falling difference, then activity; equal ones by number.
 * @throws AutoCircuitError when nothing in the model's graph writes what the autoencoder encodes; `not-finite` where its numbers
 *   do not fit in float32
 */
export async function strongestLatents({
  model,
  backend,
  autoencoder,
  batches,
}: StrongestRequest): Promise<LatentStrength[]> {
  const all = Array.from({ length: autoencoder.latents }, (_, latent) => latent);
  const attached = { autoencoder, chosen: all, prefix: 'sae' };
  const executable = await backend.compile(strengthProgram(attached), attachedWeights([attached]));
  const sums = { difference: new Float64Array(all.length), activity: new Float64Array(all.length) };
  let tokens = 0;
  try {
    for (const batch of batches) {
      const [clean, corrupt] = [
        await encodedOutputs(model, autoencoder, batch, 'clean'),
        await encodedOutputs(model, autoencoder, batch, 'corrupt'),
      ];
      const results = await executable.run({ clean, corrupt });
      for (const [name, sum] of Object.entries(sums)) {
        for (const [latent, x] of Array.from(results[name]!.data).entries()) sum[latent]! += Number(x);
      }
      tokens += batch.prompts.length * batch.length;
    }
  } finally {
    await executable.dispose();
  }
  if (![...sums.difference, ...sums.activity].every(Number.isFinite)) {
    throw new AutoCircuitError({
      code: 'not-finite',
      where: 'autoencoder',
      what: `activations of latents at ${autoencoder.site} are no numbers on these prompts`,
      fix: 'check that the weights of the model and of the autoencoder are whole and not too large for float32',
    });
  }
  return all
    .map((latent) => ({
      latent,
      difference: sums.difference[latent]! / tokens,
      activity: sums.activity[latent]! / (2 * tokens),
    }))
    .filter(({ activity }) => activity > 0)
    .sort((a, b) => b.difference - a.difference || b.activity - a.activity || a.latent - b.latent);
}

/** clean, corrupt [batch, pos, dModel] → sums over tokens, each [latents]. */
function strengthProgram(attached: Attached) {
  const b = new ProgramBuilder('latent-strength');
  const { dModel } = attached.autoencoder;
  const weight = b.weight.bind(b);
  const bias = weight(`${attached.prefix}.dec.b`, [dModel]);
  const [clean, corrupt] = ['clean', 'corrupt'].map((side) =>
    activations({ builder: b, weight }, attached, b.input(side, 'float', ['batch', 'pos', dModel]), bias),
  );
  b.output('difference', b.sum(b.abs(b.sub(clean!, corrupt!)), [0, 1]));
  b.output('activity', b.sum(b.add(clean!, corrupt!), [0, 1]));
  return simplify(b.build());
}

/** What is encoded: [prompts, pos, dModel]. */
async function encodedOutputs(
  model: PatchableModel,
  { site, dModel }: Autoencoder,
  batch: PromptBatch,
  side: 'clean' | 'corrupt',
) {
  const { data, shape } = await model.sourceOutputs(batch, side); // [sources, prompts, pos, dModel]
  const { index } = encodedSource(model, site);
  const slab = data.length / shape[0]!;
  return {
    dtype: 'float',
    shape: [...inputOf(batch, side).shape.slice(0, 2), dModel],
    data: data.slice(index * slab, (index + 1) * slab),
  } as const;
}

/** The source node whose output is encoded. */
function encodedSource({ graph }: PatchableModel, site: string) {
  const block = graph.sourceBlocks.find((own) => own.site === site);
  if (block) return graph.sources[block.start]!;
  throw new AutoCircuitError({
    code: 'unfit-autoencoder',
    fields: { site, known: graph.sourceBlocks.map((own) => own.site) },
    where: 'autoencoder',
    what: `nothing is written at ${site} in this graph`,
    expected: graph.sourceBlocks.map((own) => own.site).join(', '),
  });
}
