/** @file Every algorithm whose work can be divided: any shares of it, put together, are the same scores to the last bit. */
import { type CheckpointData, type PruneAlgo, parseOptions, type WorkPart } from '@auto-circuit/core/plugin';
import { damagedCheckpoints, memoryCheckpoint, pruneAlgoContext } from '@auto-circuit/core/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as algos from './index.js';

type Made = Awaited<ReturnType<typeof pruneAlgoContext>>;
let made: Made;
beforeAll(async () => {
  made = await pruneAlgoContext({ batches: [3, 8, 8, 4, 9, 1] }); // prompts; chunks of eight begin in the middle of batches
});
afterAll(() => made.dispose());

const divisible = Object.values(algos as Readonly<Record<string, unknown>>).filter(
  (algo): algo is PruneAlgo =>
    typeof algo === 'object' && algo !== null && (algo as Partial<PruneAlgo>).units !== undefined,
);
const optionsOf = (algo: PruneAlgo) =>
  parseOptions(algo.options, algo.name.startsWith('node') ? { neurons: true } : {}, 'test');

/** What each of the shares between the cuts kept. */
async function partsOf(algo: PruneAlgo, cuts: readonly number[]): Promise<WorkPart[]> {
  const parts: WorkPart[] = [];
  for (const [i, start] of cuts.slice(0, -1).entries()) {
    const stop = cuts[i + 1]!;
    const keep = async (data: CheckpointData) => {
      parts.push({ start, stop, data });
    };
    await algo.score({ ...made.context, share: { start, stop, keep } }, optionsOf(algo));
  }
  return parts;
}
async function* listed(parts: readonly WorkPart[]): AsyncGenerator<WorkPart> {
  yield* parts;
}
const together = (algo: PruneAlgo, parts: readonly WorkPart[]) =>
  algo.score({ ...made.context, parts: listed(parts) }, optionsOf(algo));
const unitsOf = (algo: PruneAlgo) => algo.units!(made.context, optionsOf(algo));

describe('shares of the work', () => {
  it('are had by all gradient scores, by exact and by information flow routes', () => {
    expect(divisible.map(({ name }) => name).sort()).toEqual([
      'atp-star',
      'clean-corrupted',
      'eap',
      'eap-ig-activations',
      'eap-ig-inputs',
      'exact',
      'gim',
      'information-flow-routes',
      'integrated-edge-gradients',
      'mask-gradient',
      'node-attribution',
      'relp',
    ]);
  });

  for (const algo of divisible) {
    it(`${algo.name}: 1, 2, 3 and as many shares as units are the undivided scores`, async () => {
      const whole = await algo.score(made.context, optionsOf(algo));
      const units = unitsOf(algo);
      for (const count of [1, 2, 3, Math.min(units, 16)]) {
        const cuts = Array.from({ length: count + 1 }, (_, i) => Math.round((i * units) / count));
        expect(await together(algo, await partsOf(algo, cuts)), `${count} shares`).toEqual(whole);
      }
    });
  }

  it('refuses parts that are missing, out of order, of other units, or damaged', async () => {
    const { eap, exact } = algos;
    for (const algo of [eap, exact]) {
      const units = unitsOf(algo);
      const [first, second] = (await partsOf(algo, [0, 2, units])) as [WorkPart, WorkPart];
      for (const parts of [[first], [second], [second, first], [first, first, second], []]) {
        await expect(together(algo, parts), `${parts.length}`).rejects.toMatchObject({ code: 'wrong-checkpoint' });
      }
      await expect(together(algo, [first, { ...second, data: first.data }])).rejects.toMatchObject({
        code: 'wrong-checkpoint',
      });
      const notNegative = /chunk-squares/;
      for (const { what, data } of damagedCheckpoints(first.data, { notNegative })) {
        await expect(together(algo, [{ ...first, data }, second]), what).rejects.toMatchObject({
          code: 'wrong-checkpoint',
        });
      }
    }
  });

  it('goes on from its own checkpoint to the same part', async () => {
    for (const algo of [algos.eap, algos.eapIgInputs, algos.exact]) {
      const [part] = await partsOf(algo, [1, 4]);
      const checkpoint = memoryCheckpoint();
      const controller = new AbortController();
      let kept: CheckpointData | null = null;
      const share = {
        start: 1,
        stop: 4,
        keep: async (data: CheckpointData) => {
          kept = data;
        },
      };
      const stopped = algo.score(
        {
          ...made.context,
          share,
          checkpoint,
          signal: controller.signal,
          progress: { report: () => controller.abort() },
        },
        optionsOf(algo),
      );
      await expect(stopped).rejects.toThrow(/abort/i);
      expect(kept).toBeNull();
      await algo.score({ ...made.context, share, checkpoint }, optionsOf(algo));
      expect(kept).toEqual(part!.data);
    }
  });
});
