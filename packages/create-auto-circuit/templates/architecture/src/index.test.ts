import { describe, it } from 'node:test';
import { architectureContract, runContract } from '@auto-circuit/core/testing';
import { model } from './index.js';

const layers = [
  [
    [1, 2],
    [3, 4],
  ],
  [
    [-1, 1],
    [0.5, 2],
  ],
];
// What every trace has to keep to, on every graph that the model allows.
runContract('my-plugin', architectureContract(model({ layers })), { describe, it });
