import { type Objective, type PruneAlgo, parseOptions } from '@auto-circuit/core/plugin';
import { pruneAlgoContext } from '@auto-circuit/core/testing';
import { describe, expect, it } from 'vitest';
import { cleanCorrupted, eap, eapIgActivations, eapIgInputs, gim, integratedEdgeGradients, relp } from '../index.js';

async function warnings(algo: PruneAlgo, objective: Objective, options: Record<string, unknown> = {}) {
  const lines: string[] = [];
  const { context, dispose } = await pruneAlgoContext({ objective });
  const { scores } = await algo.score(
    { ...context, warn: (line) => lines.push(line) },
    parseOptions(algo.options, options, algo.name),
  );
  await dispose();
  return { lines, largest: Math.max(...Object.values(scores).flatMap(({ data }) => [...data].map(Math.abs))) };
}

describe('KL from the clean output', () => {
  it.each([eap, relp, gim])('$name says that it has no slope on the clean run', async (algo) => {
    const { lines, largest } = await warnings(algo, { kind: 'kl' });
    expect(lines).toEqual([
      expect.stringMatching(
        new RegExp(`^${algo.name} takes its gradient on the clean run, where KL .* every score is 0`),
      ),
    ]);
    expect(largest).toBeLessThan(1e-6); // float32 noise
  });
  it.each([cleanCorrupted, eapIgInputs, eapIgActivations, integratedEdgeGradients])(
    '$name leaves the clean run',
    async (algo) => {
      const { lines, largest } = await warnings(algo, { kind: 'kl' }, 'samples' in algo.options ? { samples: 2 } : {});
      expect(lines).toEqual([]);
      expect(largest).toBeGreaterThan(1e-3);
    },
  );
  it('is not meant where the reference is another, or the objective', async () => {
    const referenceLogits = { dtype: 'float' as const, shape: [5, 2], data: new Float32Array(10) };
    expect((await warnings(eap, { kind: 'kl', referenceLogits })).lines).toEqual([]);
    expect((await warnings(eap, { kind: 'answers', tokenFunction: 'logit', value: 'diff' })).lines).toEqual([]);
  });
});
