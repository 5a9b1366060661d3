/** @file AtP*: attribution patching that goes through the softmax of attention exactly, and drops layers out of its gradients. */
import {
  AutoCircuitError,
  type BackwardOverride,
  type DestinationBlock,
  definePruneAlgo,
  floatTensor,
  type Graph,
  objectiveByBatch,
  type PatchDescription,
  type PromptBatch,
  type PromptScores,
  type PruneAlgoContext,
  type Tensor,
} from '@auto-circuit/core/plugin';
import { batchUnits } from '../shared/batch-sums.js';
import { PAPERS } from '../shared/papers.js';
import { promptMeans } from '../shared/prompt-means.js';
import { warnWhereFlat } from './gradient-scores.js';
import { placesOf, readSides, type SideValues, withHeadEffects } from './qk-correction.js';

type Numbers = Tensor<Float32Array>;

/**
 * AtP* (Kramár, Lieberum, Shah and Nanda 2024, "AtP*: An efficient and scalable method for localizing LLM behaviour to
 * components", https://arxiv.org/abs/2403.00745): `eap` with two corrections of what makes it miss things.
 *
 * - QK: where a softmax is saturated its gradient is near 0, however much a whole query or key would change the pattern. Here
 *   all edges into a head's Q together have the effect that its query of the corrupt input has through the softmax itself, and
 *   from the pattern on to first order; and so for K (`qk-correction.ts`; the paper scores nodes, how the effect divides among
 *   edges is ours). It needs the ablation resample, and edges into Q and K apart where there are heads.
 * - GradDrop: a direct and an indirect effect may cancel in the gradient by accident. Here the gradient is taken once for each
 *   layer ℓ, without what passes through ℓ's attention and MLP: score(u→v) = Σ over ℓ |score_ℓ(u→v)| ÷ (L − 1) for each
 *   prompt, L layers. Of an edge into layer ℓ score_ℓ is 0, hence L − 1; edges into no layer (`Resid End`) have L terms, and L.
 *   With one layer there is nothing to drop.
 *
 * Mean over prompts, in the unit of M, the run's objective. Without GradDrop scores have a sign.
 */
export const atpStar = definePruneAlgo({
  name: 'atp-star',
  doc: 'eap without two of its blind spots: saturated attention, and effects that cancel between layers',
  formula:
    'score(u→v) = mean over layers ℓ of |Σ (patch_u − clean_u) · ∂M/∂in_v without ways through ℓ|; where v is a Q or K, corrected so that Σ over u is (pattern′ − pattern) · ∂M/∂pattern',
  use: 'To miss as little as possible: where heads attend to one key so surely that gradients through the softmax vanish, or where layers undo what others do. It costs a backward pass for each layer, twice. What it still misses, subset-sampling bounds.',
  papers: [PAPERS.atpStar],
  signed: false,
  options: {
    gradDrop: {
      type: 'boolean',
      doc: 'a gradient for each layer, without ways through it, and the mean of absolute values; off: one gradient, and scores with signs',
      default: true,
    },
  },
  byPrompt: true,
  units: batchUnits,
  async score(context, { gradDrop }) {
    const { model, graph, batches, objective, patch } = context;
    const inputs = graph.destinationBlocks.filter(({ input }) => input === 'q' || input === 'k');
    if (graph.layout.kind === 'transformer') requireCorrectable(inputs, patch);
    warnWhereFlat(context, 'atp-star', objective, [{}]);
    const objectives = objectiveByBatch(objective, batches);
    const sides = sidesByBatch(context, inputs);
    const layers = gradDrop ? layersOf(graph) : [];
    return promptMeans<Layer | null>(context, {
      key: ['atp-star', gradDrop],
      points: layers.length > 1 ? layers : [null],
      unit: 'gradients',
      async at(batch, b, layer) {
        const request = { input: 'clean', objective: objectives[b]!, backward: layer?.dropped ?? [] } as const;
        const { tensors } = await model.maskGradient(batch, { ...request, patch });
        const scores: Record<string, Numbers> = { ...tensors };
        if (inputs.length > 0) {
          const { gradients } = await model.valueGradients(batch, { ...request, roles: ['attn.pattern'] });
          for (const [site, values] of await sides(batch)) {
            const blocks = inputs.filter((block) => block.site === site);
            const slopes = gradients[`${site}.pattern`]!;
            Object.assign(scores, withHeadEffects(blocks, tensors, values, slopes, placesOf(graph, batch)));
          }
        }
        return gradDrop ? magnitudes(graph, scores, layers.length) : { tensors: scores };
      },
    });
  },
});

/** A layer of the model, and how gradients leave it out. */
interface Layer {
  readonly number: number;
  readonly dropped: readonly BackwardOverride[];
}

function layersOf({ sourceBlocks }: Graph): Layer[] {
  const writes = new Map<number, BackwardOverride[]>();
  for (const { at, site } of sourceBlocks) {
    if (at.kind !== 'attn' && at.kind !== 'mlp') continue;
    writes.set(at.layer, [...(writes.get(at.layer) ?? []), { kind: 'stop', role: `${site}.write` }]);
  }
  return [...writes].map(([number, dropped]) => ({ number, dropped }));
}

/** |score| of each prompt, such that their mean over the layers is Σ ÷ (layers in which the edge can have a score). */
function magnitudes(graph: Graph, scores: PromptScores['tensors'], layers: number): PromptScores {
  const tensors = graph.destinationBlocks.map(({ module, at }) => {
    const inLayer = (at.kind === 'attn' || at.kind === 'mlp') && layers > 1;
    const factor = inLayer ? layers / (layers - 1) : 1;
    const { data, shape } = scores[module]!; // [prompts, position?, head?, sources]
    return [
      module,
      floatTensor(
        Float32Array.from(data, (x) => factor * Math.abs(x)),
        shape,
      ),
    ] as const;
  });
  return { tensors: Object.fromEntries(tensors) };
}

/** Values of both sides by site; those of the last batch are kept, as its points come one after the other. */
function sidesByBatch(
  { model }: Pick<PruneAlgoContext, 'model'>,
  inputs: readonly DestinationBlock[],
): (batch: PromptBatch) => Promise<ReadonlyMap<string, SideValues>> {
  let last: { readonly batch: PromptBatch; readonly values: ReadonlyMap<string, SideValues> } | null = null;
  return async (batch) => {
    if (last?.batch !== batch) last = { batch, values: await readSides(model, batch, inputs) };
    return last.values;
  };
}

/** @throws AutoCircuitError where queries and keys have no edges of their own, or are not those of the corrupt input when patched */
function requireCorrectable(inputs: readonly DestinationBlock[], patch: PatchDescription): void {
  if (inputs.length === 0)
    throw new AutoCircuitError({
      code: 'unsupported-graph',
      where: 'atp-star',
      what: 'there is nothing to correct: no edges lead into queries or keys alone',
      expected: 'a graph between heads whose Q, K and V inputs are apart',
      got: 'a graph without them',
      fix: 'use the graph between heads with Q, K and V apart, or eap',
    });
  if (patch.kind === 'resample' && patch.from === 'corrupt') return;
  throw new AutoCircuitError({
    code: 'conflicting-options',
    where: 'atp-star',
    what: 'queries and keys are corrected with those of the corrupt prompts, and something else is patched in',
    expected: 'the ablation resample, from the corrupt side',
    got: `an ablation of kind "${patch.kind}"${patch.kind === 'resample' ? ` from the ${patch.from} side` : ''}`,
    fix: 'use resample, or eap with this ablation',
    fields: { options: ['algo', 'ablation'], got: patch.kind },
  });
}
