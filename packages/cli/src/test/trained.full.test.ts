/** @file Algorithms that train masks, on the shipped model with few steps: none may come out near random. */
import { fileURLToPath } from 'node:url';
import { onnxBackend } from '@auto-circuit/backend-onnx';
import { openTask, type TaskSession } from '@auto-circuit/core';
import type { PruneAlgo } from '@auto-circuit/core/plugin';
import { kl } from '@auto-circuit/metrics';
import { loadModel, SHIPPED_MODELS } from '@auto-circuit/models';
import { circuitProbing, eap, edgePruning, ibcircuit, random, subnetworkProbing, ugs } from '@auto-circuit/prune-algos';
import { ioiMini } from '@auto-circuit/tasks';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const MINUTES = 60_000;
const SIZE = 20; // of 262 edges
/** What makes each quick, at the size: a few hundred steps of one batch at most. */
const QUICK: readonly [PruneAlgo, Readonly<Record<string, string | number>>][] = [
  [subnetworkProbing, { size: SIZE, epochs: 100 }],
  [circuitProbing, { sizes: `${SIZE}`, epochs: 100 }],
  [ugs, { size: SIZE, epochs: 150, learningRate: 0.1 }],
  [edgePruning, { size: SIZE, steps: 400 }],
  [ibcircuit, {}],
];

describe('trained masks on ioi-mini', () => {
  let task: TaskSession;
  beforeAll(async () => {
    const loaded = await loadModel(fileURLToPath(SHIPPED_MODELS['ioi-mini']!.folder), { process: 'all' });
    task = await openTask({
      data: ioiMini,
      ...loaded,
      backend: () => onnxBackend({ threads: 1 }),
      length: 15,
      train: 32,
      test: 32,
    });
  });
  afterAll(() => task.dispose());
  const divergence = async (algo: PruneAlgo, options: Readonly<Record<string, string | number>> = {}) => {
    const { scores } = await task.score(algo, options);
    const [measured] = await task.measure(task.circuit(scores, SIZE), [kl]);
    return measured!.value;
  };

  it.each(QUICK)(
    '$name finds a better circuit than eap, and a far better one than random',
    async (algo, options) => {
      const trained = await divergence(algo, options);
      expect(trained).toBeLessThan(0.1 * (await divergence(random)));
      expect(trained).toBeLessThan(await divergence(eap));
    },
    2 * MINUTES, // a few seconds, where nothing else runs
  );
});
