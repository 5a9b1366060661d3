/** @file The contract of an ablation: it gives what every source writes instead, the same however prompts are batched and run. */
import { interpreterBackend } from '../backend/interpreter/interpreter.js';
import { buildGraph, DEFAULT_GRAPH_OPTIONS } from '../graph/build.js';
import { createPatchableModel } from '../patch/engine.js';
import { filledMask } from '../patch/exec/feeds.js';
import type { PatchDescription } from '../patch/requests/ablations.js';
import type { PatchableModel } from '../patch/requests/patchable-model.js';
import { type AblationDefinition, chooseAblation } from '../plugin/ablation.js';
import { parseOptions } from '../plugin/option-values.js';
import type { PromptBatch } from '../prompts/types.js';
import { type ContractCheck, require } from './contract.js';
import { contributionChecks } from './contribution-checks.js';
import { tinyPrompts, tinyTransformer } from './tiny-transformer.js';

/** How an ablation is tried. */
export interface AblationContractOptions {
  /** Options other than the defaults to run the suite with. */
  readonly options?: Readonly<Record<string, unknown>>;
  /** Whether what is patched in is of the whole batch, as batch means are: then it may depend on how prompts are batched. */
  readonly ofBatch?: boolean;
}

/**
 * Every check of an ablation: name, doc and options; a finite value for all that every source writes, other than the clean run's; the same twice and from
 * the same seed; for a prompt the same whatever stands beside it, and whatever the micro-batch; patched runs and reversed ones.
 */
export function ablationContract(
  definition: AblationDefinition,
  { options, ofBatch = false }: AblationContractOptions = {},
): ContractCheck[] {
  const chosen = chooseAblation(definition, parseOptions(definition.options, options ?? {}, definition.name));
  const batch: PromptBatch = tinyPrompts(4);
  const check = (name: string, run: () => Promise<void>): ContractCheck => ({ name, run });
  /** What all sources write under the ablation [sources, prompts, pos, dModel]. */
  const outputs = async (of: PromptBatch, { seed = 1, microBatchTokens = 1000 } = {}): Promise<Float32Array> =>
    withModel(microBatchTokens, async (model) => {
      const patch = await chosen.patch({ model, graph: model.graph, batches: [batch], from: 'corrupt', seed });
      return (await model.sourceOutputs(of, patch)).data;
    });
  return [
    ...contributionChecks(definition),
    check('gives a finite number for all that sources write', async () => {
      const data = await outputs(batch);
      require(data.every(Number.isFinite), 'something that is patched in is not a finite number');
    }),
    check('gives something else than what the clean run writes', async () => {
      const clean = await withModel(1000, async (model) =>
        model.sourceOutputs(batch, { kind: 'resample', from: 'clean' }),
      );
      const data = await outputs(batch);
      require(data.some((x, i) => x !== clean.data[i]), 'what is patched in is what the clean run writes anyway');
    }),
    check('gives the same from the same seed', async () => {
      requireSame(await outputs(batch, { seed: 3 }), await outputs(batch, { seed: 3 }), 'the same seed');
    }),
    check('does not depend on how much runs at once', async () => {
      requireSame(await outputs(batch), await outputs(batch, { microBatchTokens: 1 }), 'a micro-batch of one prompt');
    }),
    check('gives a prompt the same whatever stands beside it', async () => {
      if (ofBatch) return;
      const alone = { ...batch, prompts: batch.prompts.slice(2, 3) };
      requireSame(promptOf(await outputs(batch), 2, 4), promptOf(await outputs(alone), 0, 1), 'a prompt by itself');
    }),
    check('can be patched into runs of either side', () =>
      withModel(1000, async (model) => {
        const patch = await chosen.patch({ model, graph: model.graph, batches: [batch], from: 'corrupt', seed: 1 });
        const mask = everyEdge(model);
        for (const one of [patch, reversed(patch)]) {
          for (const input of ['clean', 'corrupt'] as const) {
            const { data } = await model.patchedRun(batch, { input, patch: one, mask });
            require(data.every(Number.isFinite), 'a patched run does not give finite logits');
          }
        }
      }),
    ),
  ];

  function promptOf(data: Float32Array, prompt: number, prompts: number): Float32Array {
    const slab = data.length / prompts;
    const sources = SOURCES();
    const row = slab / sources;
    return Float32Array.from(
      { length: slab },
      (_, i) => data[(Math.floor(i / row) * prompts + prompt) * row + (i % row)]!,
    );
  }
}

const reversed = (patch: PatchDescription): PatchDescription =>
  patch.kind === 'made' || patch.kind === 'prompts' ? { ...patch, swapped: true } : patch;

const model = tinyTransformer();
const graph = buildGraph(model.spec.layout, DEFAULT_GRAPH_OPTIONS);
const SOURCES = (): number => graph.sources.length;

async function withModel<T>(microBatchTokens: number, work: (model: PatchableModel) => Promise<T>): Promise<T> {
  const patchable = await createPatchableModel({ model, graph, backend: interpreterBackend(), microBatchTokens });
  try {
    return await work(patchable);
  } finally {
    await patchable.dispose();
  }
}

const everyEdge = ({ graph: of }: PatchableModel) => filledMask(of, 1);

/** One float32 rounding where sums are cut otherwise. */
function requireSame(a: Float32Array, b: Float32Array, what: string): void {
  require(a.length === b.length, `${what}: another number of values`, `${a.length}`, `${b.length}`);
  const at = a.findIndex((x, i) => Math.abs(x - b[i]!) > 2 ** -20 * Math.max(1, Math.abs(x)));
  require(at < 0, `${what}: another value`, `${a[at]}`, `${b[at]}`);
}
