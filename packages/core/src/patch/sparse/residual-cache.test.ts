import { describe, expect, it } from 'vitest';
import { buildGraph } from '../../graph/build.js';
import type { PromptBatch } from '../../prompts/types.js';
import { testContext } from '../../testing/run-context.js';
import { TINY, tinyPrompts, tinyTransformer } from '../../testing/tiny-transformer.js';
import type { Cut } from '../exec/micro-batches.js';
import type { PatchDescription } from '../requests/ablations.js';
import { sourceOutputs } from '../runs/plain.js';
import { residualInput } from './names.js';
import { ResidualCache } from './residual-cache.js';

const model = tinyTransformer();
const graph = buildGraph(model.spec.layout);
const CUT: Cut = [0, 2];
const CORRUPT: PatchDescription = { kind: 'resample', from: 'corrupt' };
/** Float32 residuals of two prompts of three tokens: the start, each site that reads, and between layers. */
const SLAB = 2 * 3 * TINY.dModel * 4;

function open(limitBytes: number) {
  const { context, runs } = testContext(model, graph);
  const { activations } = context;
  const cache = new ResidualCache(context, limitBytes);
  const residuals = async (batch: PromptBatch, patch: PatchDescription = CORRUPT) =>
    cache.residuals(batch, patch, CUT, await activations.patch(batch, patch, CUT, [CUT]));
  const ran = () => runs.filter((name) => name === 'residuals').length;
  return { cache, context, residuals, ran, activations, runs };
}

describe('ResidualCache', () => {
  it('has the sum of all that was written before a site', async () => {
    const { context, residuals } = open(2 ** 20);
    const batch = tinyPrompts(2);
    const found = await residuals(batch);
    const outputs = await sourceOutputs(context, batch, 'corrupt'); // [sources, prompts, pos, dModel]
    const size = SLAB / 4;
    for (const { site, sources } of graph.destinationBlocks) {
      const { data, shape } = found[residualInput(site)]!;
      expect(shape).toEqual([2, 3, TINY.dModel]);
      for (let i = 0; i < size; i++) {
        let sum = 0;
        for (let s = 0; s < sources.stop; s++) sum += outputs.data[s * size + i]!;
        expect(Math.abs(data[i]! - sum), site).toBeLessThan(1e-5);
      }
    }
  });

  it('is zero where zeros are patched in', async () => {
    const { residuals } = open(2 ** 20);
    const found = await residuals(tinyPrompts(2), { kind: 'zero' });
    expect(Object.values(found).every(({ data }) => data.every((x) => x === 0))).toBe(true);
  });

  it('keeps what fits, and does not keep what is larger than its limit', async () => {
    const batch = tinyPrompts(2);
    const roomy = open(2 ** 20);
    await roomy.residuals(batch);
    const bytes = roomy.cache.bytes;
    expect(bytes).toBeGreaterThanOrEqual(SLAB * 5);
    await roomy.residuals(batch);
    expect(roomy.ran()).toBe(1);
    const tight = open(bytes - 1);
    for (let n = 0; n < 2; n++) await tight.residuals(batch);
    expect([tight.ran(), tight.cache.bytes]).toEqual([2, 0]);
  });

  it('tells batches, sides, ablations and constants apart', async () => {
    const { residuals, ran, activations } = open(2 ** 24);
    const [a, b] = [tinyPrompts(2), tinyPrompts(2)];
    const constants = () => ({
      kind: 'constant' as const,
      values: Object.fromEntries(
        graph.sourceBlocks.map(({ site, start, stop }) => {
          const width = site.endsWith('.attn') ? TINY.dHead : TINY.dModel;
          return [
            site,
            { dtype: 'float' as const, shape: [stop - start, width], data: new Float32Array((stop - start) * width) },
          ];
        }),
      ),
    });
    const mean = await activations.meanOf([{ batch: a, cuts: [CUT] }], 'clean');
    const patches: PatchDescription[] = [
      CORRUPT,
      { kind: 'resample', from: 'clean' },
      { kind: 'batch-mean', from: 'clean' },
      mean,
      constants(),
      constants(),
    ];
    for (const batch of [a, b, a]) for (const patch of patches) await residuals(batch, patch);
    expect(ran()).toBe(2 * patches.length);
  });

  it('has activation differences of every source, made once', async () => {
    const { cache, context, activations, runs } = open(2 ** 20);
    const batch = tinyPrompts(2);
    const patched = await activations.patch(batch, CORRUPT, CUT, [CUT]);
    const found = await cache.differences(batch, 'clean', CORRUPT, CUT, patched);
    const again = await cache.differences(batch, 'clean', CORRUPT, CUT, patched);
    expect(again).toBe(found);
    expect(runs.filter((name) => name === 'project')).toHaveLength(1);
    const [there, here] = [
      await sourceOutputs(context, batch, 'corrupt'),
      await sourceOutputs(context, batch, 'clean'),
    ];
    expect(found.shape).toEqual([graph.sources.length, 2, 3, TINY.dModel]);
    for (const [i, x] of found.data.entries())
      expect(Math.abs(x - (there.data[i]! - here.data[i]!))).toBeLessThan(1e-5);
    const fromZero = await cache.differences(batch, 'clean', { kind: 'zero' }, CUT, null);
    for (const [i, x] of fromZero.data.entries()) expect(Math.abs(x + here.data[i]!)).toBeLessThan(1e-5);
  });
});
