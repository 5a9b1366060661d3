import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { study } from './study.js';

describe('the study', () => {
  it('finds that the whole model is no other than itself, and that a circuit of few edges is', async () => {
    const [few, all] = await study([10, 262], 4);
    assert.ok(Math.abs(all!.kl) < 1e-5, `the circuit of all edges is ${all!.kl} nats from the model`);
    assert.ok(few!.kl > 0.01, `a circuit of 10 edges is ${few!.kl} nats from the model`);
  });
});
