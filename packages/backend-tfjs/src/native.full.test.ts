import { fileURLToPath } from 'node:url';
import { backendContract, runContract } from '@auto-circuit/core/testing';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { tfjsBackend } from './index.js';
import { findRuntime } from './runtime/find.js';

/** Where scripts/setup-tfjs-native.sh installs it. */
const folder = fileURLToPath(new URL('../../../.tools/tfjs-native', import.meta.url));

if (findRuntime('node', folder)) {
  runContract(
    'tfjs on the native runtime',
    backendContract(() => tfjsBackend({ device: 'node', folder }), {
      randomPrograms: 200,
      // One engine for the whole process: this copy of tfjs-core counts what the native one holds.
      live: () => tf.memory().numTensors,
    }),
    { describe, it },
  );
  describe('the native runtime', () => {
    it('says which it is', async () => {
      const backend = await tfjsBackend({ device: 'node', folder });
      console.log(`ran on ${backend.info.runtime}, ${backend.info.threads} threads`);
      expect(backend.info).toMatchObject({ backend: 'tfjs', device: 'node' });
      expect(backend.info.runtime).toMatch(/^@tensorflow\/tfjs-node 4\./);
      await backend.dispose();
    });
  });
} else {
  console.log('NOT RUN: the native tfjs runtime is not installed; scripts/setup-tfjs-native.sh installs it');
  describe('the native runtime', () => {
    it('is refused where it is not installed, and the error says how to install it', async () => {
      await expect(tfjsBackend({ device: 'node', folder })).rejects.toMatchObject({
        code: 'runtime-missing',
        fields: { package: '@tensorflow/tfjs-node', device: 'node' },
        message: expect.stringContaining('npm install @tensorflow/tfjs-node'),
      });
    });
  });
}
