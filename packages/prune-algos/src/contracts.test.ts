import { edgeAt, type PruneAlgo } from '@auto-circuit/core/plugin';
import { type PruneAlgoContractOptions, pruneAlgoContract, runContract } from '@auto-circuit/core/testing';
import { describe, expect, it } from 'vitest';
import { pruneAlgosPlugin } from './index.js';
import { madeUpRuns } from './testing/made-up-runs.js';

const algos = pruneAlgosPlugin.contributes as readonly PruneAlgo[];
it('every algorithm says its formula and when to use it', () => {
  expect(algos.filter((one) => !one.formula || !one.use).map(({ name }) => name)).toEqual([]);
});

/** Options that keep the suite quick, by algorithm. */
const QUICK: Readonly<Record<string, PruneAlgoContractOptions['options']>> = {
  'integrated-edge-gradients': { samples: 4 },
  'eap-ig-inputs': { steps: 3 },
  'eap-ig-activations': { steps: 2 },
  'subnetwork-probing': { epochs: 6 },
  'edge-pruning': { steps: 8, warmup: 4 },
  ugs: { epochs: 5 },
  ibcircuit: { epochs: 5 },
  'circuit-probing': { epochs: 4, sizes: '1,0.5' },
  'known-edges': (graph) => ({ edges: edgeAt(graph, 0).name }),
  'adversarial-knockouts': { epochs: 5 },
  ensemble: async (graph) => ({ runs: (await madeUpRuns(graph, [1, 2])).join(',') }),
  'subset-sampling': { samples: 48, probability: 0.5 },
  acdc: { taus: '0.01,0.1', prompts: 'all' },
};
/** What scores of some do not follow: their own objective, the batches that they train on, … */
const OWN = { ignores: ['objective'] } as const;
const TRAINED = { ...OWN, byBatch: true } as const;
const GIVEN = { ignores: ['prompts', 'objective', 'patch'] } as const;
const READS: Readonly<Record<string, PruneAlgoContractOptions>> = {
  'mask-gradient': OWN,
  'integrated-edge-gradients': OWN,
  'information-flow-routes': { ignores: ['objective', 'patch'] },
  'activation-magnitude': { ignores: ['objective', 'patch'], byBatch: true }, // signed means of batches, as AutoCircuit has it
  acdc: { ...OWN, coarse: true },
  'subnetwork-probing': TRAINED,
  'edge-pruning': TRAINED,
  ugs: TRAINED,
  ibcircuit: { ignores: ['objective', 'patch'], byBatch: true },
  'adversarial-knockouts': TRAINED,
  'circuit-probing': { ...TRAINED, coarse: true },
  random: { ...GIVEN, byBatch: true },
  'known-edges': GIVEN,
  ensemble: GIVEN,
};

it('the plugin holds every algorithm once', () => {
  expect(algos.map((algo) => algo.kind)).toEqual(algos.map(() => 'prune-algo'));
  expect(new Set(algos.map((algo) => algo.name)).size).toBe(algos.length);
});
for (const algo of algos) {
  runContract(algo.name, pruneAlgoContract(algo, { options: QUICK[algo.name] ?? {}, ...READS[algo.name] }), {
    describe,
    it,
  });
}
