/** @file The contract of architectures, on the small random models that `contract.test.ts` leaves out. */
import { architectureContract, runContract } from '@auto-circuit/core/testing';
import { describe, it } from 'vitest';
import { CONTRACT_MODELS, FAST_MODELS } from './contract-models.js';

for (const [name, model] of Object.entries(CONTRACT_MODELS)) {
  if (!FAST_MODELS.includes(name)) runContract(name, architectureContract(model), { describe, it });
}
