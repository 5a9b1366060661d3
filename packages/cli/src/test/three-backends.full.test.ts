/** @file The circuit of the demo, made by each of the three backends: they share no kernel, so what they agree on is the model's. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { flattenScores } from '@auto-circuit/core';
import { readFinishedRun } from '@auto-circuit/core/run';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runMain } from './run-main.js';

const MINUTES = 60_000;
const BACKENDS = { onnx: 'cpu', tfjs: 'wasm', interpreter: 'cpu' } as const;

let cwd: string;
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'three-backends-'));
});
afterAll(() => rm(cwd, { recursive: true }));

/** As scripts/demo.mjs asks for it. */
async function demo(backend: keyof typeof BACKENDS) {
  const args = `discover --task ioi-mini --algo eap-ig-inputs --out ${backend} --backend ${backend} --device ${BACKENDS[backend]} --quiet`;
  const { code, stderr } = await runMain(args.split(' '), { cwd });
  expect([code, stderr]).toEqual([0, '']);
  const run = await readFinishedRun(join(cwd, backend));
  expect(run.run.asked.backend).toMatchObject({ name: backend, device: BACKENDS[backend] });
  return run;
}

describe('the demo on onnx, tfjs and the interpreter', () => {
  it(
    'has the same kept edges and scores',
    async () => {
      const first = await demo('onnx');
      const scores = flattenScores(first.graph, first.scores);
      const largest = scores.reduce((most, score) => Math.max(most, Math.abs(score)), 0);
      expect(largest).toBeGreaterThan(0);
      expect(first.circuit.edges.length).toBeGreaterThan(0);
      for (const backend of ['tfjs', 'interpreter'] as const) {
        const other = await demo(backend);
        expect(other.circuit.edges).toEqual(first.circuit.edges);
        const again = flattenScores(other.graph, other.scores);
        const worst = scores.reduce((most, score, i) => Math.max(most, Math.abs(score - again[i]!)), 0);
        expect(worst / largest).toBeLessThan(1e-4); // float32 and float64, added in other orders: see VERIFY_TOLERANCE
      }
    },
    10 * MINUTES,
  );
});
