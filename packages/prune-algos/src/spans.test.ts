/** @file Every algorithm on edges for each span, with prompts of two lengths. */
import { interpreterBackend } from '@auto-circuit/core';
import {
  buildGraph,
  DEFAULT_GRAPH_OPTIONS,
  edgeAt,
  flattenScores,
  type PruneAlgo,
  type PruneAlgoContext,
  parseOptions,
} from '@auto-circuit/core/plugin';
import { createSpanModel, withSpans } from '@auto-circuit/core/run';
import { microModel, pruneAlgoContext } from '@auto-circuit/core/testing';
import { describe, expect, it } from 'vitest';
import { exact, pruneAlgosPlugin } from './index.js';
import { madeUpRuns } from './testing/made-up-runs.js';

const model = microModel();
const graph = buildGraph(model.spec.layout, { ...DEFAULT_GRAPH_OPTIONS, positions: 2 });
const algos = pruneAlgosPlugin.contributes as readonly PruneAlgo[];
const QUICK: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  'subnetwork-probing': { epochs: 3 },
  'edge-pruning': { steps: 6, warmup: 3 },
  ugs: { epochs: 3 },
  ibcircuit: { epochs: 3 },
  'circuit-probing': { epochs: 3, sizes: '4' },
  'known-edges': { edges: edgeAt(graph, 0).name },
  'adversarial-knockouts': { epochs: 3 },
  'subset-sampling': { samples: 64, probability: 0.5 },
  acdc: { taus: '0.01', prompts: 'all' },
  'integrated-edge-gradients': { samples: 4 },
};

/** Prompts of three and two tokens, of which the last is a span by itself. */
async function withContext<T>(use: (context: PruneAlgoContext) => Promise<T>): Promise<T> {
  const { context, dispose } = await pruneAlgoContext({ batches: [3, 2], lengths: [3, 2] });
  const patchable = await createSpanModel({ model, graph, backend: interpreterBackend() });
  const spans = {
    names: ['before', 'end'],
    of: ({ clean }: { readonly clean: readonly unknown[] }) =>
      clean.map((_, i) => (i < clean.length - 1 ? 'before' : 'end')),
  };
  const batches = context.batches.map(({ length, prompts }) => ({ length, prompts: withSpans(prompts, spans) }));
  try {
    return await use({ ...context, model: patchable, graph, batches });
  } finally {
    await patchable.dispose();
    await dispose();
  }
}

describe('edges for each span', () => {
  it.each(algos.map((algo) => [algo.name, algo] as const))('%s scores every edge', (name, algo) =>
    withContext(async (context) => {
      const given = name === 'ensemble' ? { runs: (await madeUpRuns(graph, [1, 2])).join(',') } : (QUICK[name] ?? {});
      const { scores } = await algo.score(context, parseOptions(algo.options, given, name));
      const flat = flattenScores(graph, scores);
      expect(flat).toHaveLength(26);
      expect(flat.every((score) => !Number.isNaN(score))).toBe(true);
    }),
  );

  it.each(['eap', 'relp', 'cd-t', 'eap-ig-inputs'])('%s is exact on a linear model: the last token counts', (name) =>
    withContext(async (context) => {
      const algo = algos.find((one) => one.name === name)!;
      const own = flattenScores(graph, (await algo.score(context, parseOptions(algo.options, {}, name))).scores);
      const truth = flattenScores(graph, (await exact.score(context, {})).scores);
      for (const [edge, score] of own.entries()) expect(Math.abs(score - truth[edge]!)).toBeLessThan(1e-4); // logits up to 100
      expect(truth.subarray(0, 13).every((score) => Math.abs(score) < 1e-6)).toBe(true);
      expect(truth.subarray(13).some((score) => Math.abs(score) > 0.1)).toBe(true);
    }),
  );
});
