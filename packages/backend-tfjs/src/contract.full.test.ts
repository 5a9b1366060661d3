import { backendContract, runContract } from '@auto-circuit/core/testing';
import * as tf from '@tensorflow/tfjs-core';
import { describe, it } from 'vitest';
import { tfjsBackend } from './index.js';

for (const device of ['cpu', 'wasm']) {
  runContract(
    `tfjs on ${device}`,
    backendContract(() => tfjsBackend({ device }), { randomPrograms: 200, live: () => tf.memory().numTensors }),
    { describe, it },
  );
}
