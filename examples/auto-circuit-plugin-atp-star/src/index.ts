import {
  AutoCircuitError,
  type DestinationBlock,
  definePlugin,
  definePruneAlgo,
  floatTensor,
  objectiveByBatch,
  type PatchableModel,
  type PromptBatch,
  type PruneAlgo,
  type PruneAlgoContext,
  ScoreAccumulator,
  type Side,
  type Tensor,
} from '@auto-circuit/core/plugin';
import { type AttentionValues, type HeadEffects, headEffects } from './correction.js';

type Numbers = Tensor<Float32Array>;

/**
 * Edge attribution patching with the QK correction of AtP* (Kramár et al. 2024). Where a softmax is saturated, its gradient is
 * near 0, however much a whole query or key would change the pattern. Here all edges into a head's Q together have the effect
 * that its query of the corrupt input has through the softmax itself, and from the pattern on to first order; and so for K.
 */
export const atpStar: PruneAlgo = definePruneAlgo({
  name: 'atp-star',
  doc: 'eap, with edges into queries and keys corrected for saturated attention',
  formula: 'score(u→Q) = eap(u→Q) + eap(u→Q)² ÷ Σ_w eap(w→Q)² · ((pattern′ − pattern) · ∂M/∂pattern − Σ_w eap(w→Q))',
  papers: [
    {
      title: 'AtP*: An efficient and scalable method for localizing LLM behaviour to components',
      authors: 'Kramár et al.',
      year: 2024,
      url: 'https://arxiv.org/abs/2403.00745',
    },
  ],
  use: 'Where heads attend to one key so surely that gradients through the softmax are near 0. Other edges score as in eap.',
  options: {},
  byPrompt: true,
  async score(context) {
    const { model, graph, batches, objective, patch, progress, signal } = context;
    const blocks = graph.destinationBlocks.filter(({ input }) => input === 'q' || input === 'k');
    if (graph.layout.kind === 'transformer') requireCorrectable(blocks, patch);
    const objectives = objectiveByBatch(objective, batches);
    const total = new ScoreAccumulator(graph, context);
    for (const [i, batch] of batches.entries()) {
      signal?.throwIfAborted(); // Ctrl-C
      const request = { input: 'clean', patch, objective: objectives[i]! } as const;
      const { tensors } = await model.maskGradient(batch, request);
      const corrected: Record<string, Numbers> = { ...tensors };
      if (blocks.length > 0) {
        const roles = ['attn.pattern'];
        const { gradients } = await model.valueGradients(batch, { input: 'clean', objective: objectives[i]!, roles });
        const [clean, corrupt] = [await readSide(model, batch, 'clean'), await readSide(model, batch, 'corrupt')];
        for (const site of new Set(blocks.map((block) => block.site))) {
          const slopes = gradients[`${site}.pattern`]!;
          const effects = headEffects(site, clean(site), corrupt(site), slopes, graph.options.positions !== null);
          for (const block of blocks.filter((one) => one.site === site))
            corrected[block.module] = withTotals(tensors[block.module]!, block, effects);
        }
      }
      total.add({ tensors: corrected });
      progress.report(i + 1, batches.length, 'batches');
    }
    return total.result();
  },
});

/** @throws AutoCircuitError where queries and keys have no edges of their own, or are not those of the corrupt input when patched */
function requireCorrectable(blocks: readonly DestinationBlock[], patch: PruneAlgoContext['patch']): void {
  if (blocks.length === 0)
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

/** Values of the attention of a site on one side: where all edges into a query are patched, it is that of the other side. */
async function readSide(
  model: PatchableModel,
  batch: PromptBatch,
  side: Side,
): Promise<(site: string) => AttentionValues> {
  const values = await model.readValues(batch, side, ['attn.q', 'attn.k', 'attn.scores', 'attn.pattern']);
  const value = (site: string, name: string): Numbers => values[`${site}.${name}`]!;
  return (site) => ({
    q: value(site, 'q'),
    k: value(site, 'k'),
    scores: value(site, 'scores'),
    pattern: value(site, 'pattern'),
  });
}

/**
 * Scores of the edges into each head's input, changed so that they add up to its effect: what is missing is divided in proportion
 * to eap², which changes each score as little as can be in relation to itself (Σ (change ÷ eap)² is smallest); evenly where all
 * are 0. Where nothing is missing, eap is left as it is.
 * @param scores [prompts, position?, heads, sources]; a row may stand for all heads that share a KV head
 */
function withTotals({ data, shape }: Numbers, block: DestinationBlock, effects: HeadEffects): Numbers {
  const sources = shape.at(-1)!;
  const [prompts = 0, rows = 1] = [shape[0], block.heads ?? 1];
  const positions = data.length / (prompts * rows * sources); // 1 without token positions
  const { heads, places } = effects;
  const ofHeads = block.input === 'q' ? effects.q : effects.k; // [prompts, heads, places]
  const shared = heads / rows;
  const out = Float32Array.from(data);
  for (let prompt = 0; prompt < prompts; prompt++) {
    for (let place = 0; place < places; place++) {
      for (let row = 0; row < rows; row++) {
        let effect = 0;
        for (let head = row * shared; head < (row + 1) * shared; head++)
          effect += ofHeads[(prompt * heads + head) * places + place]!;
        const position = positions - places + place; // those of a shared prefix come first
        const from = ((prompt * positions + position) * rows + row) * sources;
        const eap = data.subarray(from, from + sources);
        const missing = effect - eap.reduce((sum, x) => sum + x, 0);
        const squares = eap.reduce((sum, x) => sum + x * x, 0);
        for (const [u, x] of eap.entries())
          out[from + u] = x + missing * (squares === 0 ? 1 / sources : (x * x) / squares);
      }
    }
  }
  return floatTensor(out, shape);
}

export default definePlugin({ name: 'auto-circuit-plugin-atp-star', contributes: [atpStar] });
