/** @file The contract of architectures, on those of the small random models that do not take long; `contract.full.test.ts` has the rest. */
import type { ModelObject, PatchPoints } from '@auto-circuit/core/plugin';
import { architectureContract, runContract } from '@auto-circuit/core/testing';
import { describe, expect, it } from 'vitest';
import { CONTRACT_MODELS, FAST_MODELS } from './contract-models.js';

for (const name of FAST_MODELS) runContract(name, architectureContract(CONTRACT_MODELS[name]!), { describe, it });

describe('the contract', () => {
  it('finds a trace whose MLP writes past its patch point', async () => {
    const model = CONTRACT_MODELS.gpt2!;
    const leaky: ModelObject = {
      ...model,
      trace(points: PatchPoints) {
        const { builder: b } = points;
        return model.trace({
          ...points,
          outOf: (site, value, projection) =>
            site === 'L0.mlp'
              ? b.mul(points.outOf(site, value, projection), 1.5)
              : points.outOf(site, value, projection),
        });
      },
    };
    const failures = await Promise.allSettled(architectureContract(leaky).map((check) => check.run()));
    expect(failures.some(({ status }) => status === 'rejected')).toBe(true);
  });
});
