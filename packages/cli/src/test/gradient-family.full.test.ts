/** @file The gradient algorithms with programs of their own, on each of the three backends. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { flattenScores } from '@auto-circuit/core';
import { readFinishedRun } from '@auto-circuit/core/run';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runMain } from './run-main.js';

const MINUTES = 60_000;
const BACKENDS = { onnx: 'cpu', tfjs: 'wasm', interpreter: 'cpu' } as const;
const ALGOS = {
  relp: [],
  gim: [],
  'eap-ig-activations': ['--algo.steps', '2'],
  'information-flow-routes': [],
  'node-attribution': ['--algo.neurons'],
} as const;

let cwd: string;
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'gradient-family-'));
});
afterAll(() => rm(cwd, { recursive: true }));

async function scored(algo: string, options: readonly string[], backend: keyof typeof BACKENDS) {
  const out = `${algo}-${backend}`;
  const args = `discover --task ioi-mini --limit 16 --edges 20 --algo ${algo} --out ${out} --backend ${backend} --device ${BACKENDS[backend]} --quiet`;
  const { code, stderr } = await runMain([...args.split(' '), ...options], { cwd });
  expect(code, stderr).toBe(0);
  const { graph, scores, nodes } = await readFinishedRun(join(cwd, out));
  return [...flattenScores(graph, scores), ...(nodes?.neurons?.data ?? [])];
}

describe('the same scores on onnx, tfjs and the interpreter', () => {
  it.each(Object.entries(ALGOS))(
    '%s',
    async (algo, options) => {
      const expected = await scored(algo, options, 'interpreter');
      const largest = expected.reduce((most, score) => Math.max(most, Math.abs(score)), 0);
      expect(largest).toBeGreaterThan(0.1);
      for (const backend of ['onnx', 'tfjs'] as const) {
        const got = await scored(algo, options, backend);
        expect(got).toHaveLength(expected.length);
        const worst = expected.reduce((most, score, i) => Math.max(most, Math.abs(score - got[i]!)), 0);
        expect(worst / largest, backend).toBeLessThan(1e-4); // float32 and float64, added in other orders: see VERIFY_TOLERANCE
      }
    },
    10 * MINUTES,
  );
});
