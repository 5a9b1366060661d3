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
  'circuit-probing': { epochs: 4, sizes: '1,0.5' },
  'known-edges': (graph) => ({ edges: edgeAt(graph, 0).name }),
  'adversarial-knockouts': { epochs: 5 },
  ensemble: async (graph) => ({ runs: (await madeUpRuns(graph, [1, 2])).join(',') }),
  acdc: { taus: '0.01,0.1', prompts: 'all' },
};

it('the plugin holds every algorithm once', () => {
  expect(algos.map((algo) => algo.kind)).toEqual(algos.map(() => 'prune-algo'));
  expect(new Set(algos.map((algo) => algo.name)).size).toBe(algos.length);
});
for (const algo of algos) {
  runContract(algo.name, pruneAlgoContract(algo, { options: QUICK[algo.name] ?? {} }), { describe, it });
}
