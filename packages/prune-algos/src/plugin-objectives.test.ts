import {
  BUILT_IN_OBJECTIVES,
  chooseObjective,
  defineObjective,
  type PruneAlgo,
  parseOptions,
} from '@auto-circuit/core/plugin';
import { pruneAlgoContext } from '@auto-circuit/core/testing';
import { describe, expect, it } from 'vitest';
import { pruneAlgosPlugin } from './index.js';

const pruneAlgos = pruneAlgosPlugin.contributes.filter((one) => one.kind === 'prune-algo');

/** 1 − p(answers): what a loss on a set of years looks like. */
const missingProb = defineObjective({
  name: 'missing-prob',
  doc: 'one minus the mean probability of the answers',
  options: {},
  of: (b, logits, _reference, { answers }) => b.sub(1, b.sum(b.mul(b.softmax(logits), answers), -1)),
});
const answerProb = BUILT_IN_OBJECTIVES.find(({ name }) => name === 'answer-prob')!; // −p: the same but for the constant

const CASES: Readonly<Record<string, Readonly<Record<string, string | number | boolean>>>> = {
  eap: {},
  'eap-ig-inputs': { steps: 5 },
  'eap-ig-activations': {},
  'clean-corrupted': {},
  'node-attribution': {},
  'integrated-edge-gradients': { samples: 3, answers: 'objective' },
  'mask-gradient': { mask: 0.5, answers: 'objective' },
  'subnetwork-probing': { epochs: 4, target: 'objective' },
  'circuit-probing': { epochs: 4, target: 'objective', sizes: '3' },
  exact: {},
  acdc: { faithfulness: 'objective', prompts: 'all', taus: '0.001,0.01,0.1' },
};

describe('an objective of a plugin', () => {
  for (const [name, options] of Object.entries(CASES)) {
    it(`gives ${name} the scores of the same objective of the engine`, async () => {
      const algo = pruneAlgos.find((one) => one.name === name)!;
      const [own, standard] = [await scoresOf(algo, options, missingProb), await scoresOf(algo, options, answerProb)];
      let largest = 0;
      for (const [module, { data }] of Object.entries(standard)) {
        data.forEach((x, i) => {
          if (Number.isFinite(x)) largest = Math.max(largest, Math.abs(x));
          const y = own[module]!.data[i]!;
          expect(x === y || Math.abs(x - y) < 1e-5, `${module}[${i}]: ${y} and ${x}`).toBe(true);
        });
      }
      expect(largest).toBeGreaterThan(1e-4); // far above what is let through
    });
  }

  it('is taken by the algorithms that else fix an objective of their own, unless told otherwise', async () => {
    for (const name of ['integrated-edge-gradients', 'subnetwork-probing']) {
      const algo = pruneAlgos.find((one) => one.name === name)!;
      const short = name === 'subnetwork-probing' ? { epochs: 2 } : { samples: 2 };
      const asked =
        name === 'subnetwork-probing' ? { ...short, target: 'objective' } : { ...short, answers: 'objective' };
      expect(await scoresOf(algo, short, missingProb)).toEqual(await scoresOf(algo, asked, missingProb));
    }
  });
});

async function scoresOf(algo: PruneAlgo, options: Readonly<Record<string, unknown>>, definition: typeof missingProb) {
  const { context, dispose } = await pruneAlgoContext({ objective: chooseObjective(definition).objective });
  try {
    return (await algo.score(context, parseOptions(algo.options, options, algo.name))).scores;
  } finally {
    await dispose();
  }
}
