/** @file A second real language model, Gemma 3 270M in bfloat16, against transformers and autograd: `scripts/make-gemma3-numbers.py` made the numbers. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openSafetensors } from '@auto-circuit/core/run';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const MODEL = process.env.GEMMA3_DIR ?? '';
const THERE = existsSync(join(MODEL, 'model.safetensors'));
if (!THERE)
  console.log('NOT RUN: Gemma 3 270M (set GEMMA3_DIR to its Hugging Face folder; scripts/setup-gemma3.sh makes it)');

interface Reference {
  readonly prompts: readonly { readonly clean: string }[];
  readonly ids: readonly (readonly number[])[];
  readonly logitsTop5: readonly (readonly (readonly [token: number, logit: number])[])[];
  /** Summed over heads, and over Q, K and V: `attn 3->MLP 5`. */
  readonly scores: Readonly<Record<string, number>>;
}
const reference = JSON.parse(
  readFileSync(new URL('../../test-data/gemma3-sva.json', import.meta.url), 'utf8'),
) as Reference;
const LARGEST = Math.max(...Object.values(reference.scores).map(Math.abs));

interface Discovered {
  readonly edges_total: number;
  readonly circuit: readonly { readonly edge: string; readonly score: number }[];
  readonly memory_mb: number;
}

/** `A3.1->MLP 5` → `attn 3->MLP 5`, `MLP 2->A4.0.K` → `MLP 2->attn 4`. */
const withoutHeads = (edge: string): string => edge.replaceAll(/A(\d+)\.\d+(\.[QKV])?/g, 'attn $1');

function sumsOf(circuit: Discovered['circuit']): Map<string, number> {
  const sums = new Map<string, number>();
  for (const { edge, score } of circuit) {
    const name = withoutHeads(edge);
    sums.set(name, (sums.get(name) ?? 0) + score);
  }
  return sums;
}

describe.runIf(THERE)('Gemma 3 270M on verbs that agree with their subjects', () => {
  const folder = mkdtempSync(join(tmpdir(), 'gemma3-'));
  const data = join(folder, 'prompts.json');
  const start = (...args: string[]) =>
    spawnSync(process.execPath, [MAIN, ...args], { encoding: 'utf8', maxBuffer: 2 ** 26 });
  const run = (...args: string[]): string => {
    const { status, stdout, stderr } = start(...args);
    expect([status, status === 0 ? '' : stderr]).toEqual([0, '']);
    return stdout;
  };
  const discover = (...args: string[]): Discovered =>
    JSON.parse(
      run(
        ...['discover', '--model', MODEL, '--data', data, '--algo', 'eap', '--test', 'same', '--json'],
        ...['--out', join(folder, 'run'), '--overwrite', ...args],
      ),
    );
  beforeAll(() => writeFileSync(data, JSON.stringify({ prompts: reference.prompts })));
  afterAll(() => rmSync(folder, { recursive: true }));

  it('has the logits of transformers', () => {
    const out = join(folder, 'logits.safetensors');
    run('logits', '--model', MODEL, '--data', data, '--no-process', '--out', out);
    const file = openSafetensors(out);
    const logits = file.read('logits');
    const vocabulary = file.tensors.get('logits')!.shape.at(-1)!;
    expect(vocabulary).toBe(262_144);
    reference.logitsTop5.forEach((top, row) => {
      const own = logits.subarray(row * vocabulary, (row + 1) * vocabulary) as Float32Array;
      for (const [token, logit] of top) expect(own[token]).toBeCloseTo(logit, 3);
      expect(own.indexOf(own.reduce((a, b) => Math.max(a, b)))).toBe(top[0]![0]);
    });
  });

  it('gives the scores of autograd, and circuits as faithful as they are big, in less than 4 GB', () => {
    const { edges_total, memory_mb } = discover('--no-process', '--edges', '103,1034,10342', '--keep', '10342');
    expect(edges_total).toBe(10_342);
    const whole = JSON.parse(readFileSync(join(folder, 'run', 'circuit.json'), 'utf8')) as {
      edges: Discovered['circuit'];
    };
    const sums = sumsOf(whole.edges);
    expect(sums.size).toBe(Object.keys(reference.scores).length);
    // float32 on both sides, sums in other orders: about 1e-5 of the largest, and ten times that is agreement
    for (const [edge, score] of Object.entries(reference.scores))
      expect(Math.abs(sums.get(edge)! - score), edge).toBeLessThan(1e-4 * LARGEST);
    expect(memory_mb).toBeLessThan(4096);
    const measured = JSON.parse(readFileSync(join(folder, 'run', 'measurements.json'), 'utf8')) as {
      metric: string;
      points: { faithfulness: number; value: number }[];
    }[];
    const faithful = measured
      .find(({ metric }) => metric === 'logit-diff')!
      .points.map(({ faithfulness }) => faithfulness);
    expect(faithful.at(-1)).toBeCloseTo(1, 4);
    expect(faithful[1]!).toBeGreaterThan(faithful[0]!);
    expect(faithful[1]!).toBeGreaterThan(0.7);
  });

  it('gives the same scores on WebAssembly, in its 4 GB', () => {
    const { circuit, memory_mb } = discover(
      ...['--no-process', '--backend', 'tfjs', '--device', 'wasm', '--edges', '103', '--keep', '103'],
    );
    const onnx = new Map(
      discover('--no-process', '--edges', '103', '--keep', '103').circuit.map((e) => [e.edge, e.score]),
    );
    for (const { edge, score } of circuit) {
      const other = onnx.get(edge);
      if (other !== undefined) expect(Math.abs(score - other), edge).toBeLessThan(1e-4 * LARGEST);
    }
    expect(circuit.filter(({ edge }) => onnx.has(edge)).length).toBeGreaterThan(95); // of the 100 that are listed; near ties may change places
    expect(memory_mb).toBeLessThan(3.5 * 1024);
  });

  it('is refused on WebAssembly before it runs where --memory is too little, and keeps to it where it is not', () => {
    const args = [
      'discover',
      '--model',
      MODEL,
      '--data',
      data,
      '--algo',
      'eap',
      '--backend',
      'tfjs',
      '--device',
      'wasm',
    ];
    const out = ['--out', join(folder, 'refused'), '--json'];
    const refused = start(...args, ...out, '--memory', '2.5');
    expect(refused.status).toBe(2);
    expect(JSON.parse(refused.stdout)).toMatchObject({ error: { code: 'memory-limit' } });
    expect(existsSync(join(folder, 'refused', 'run.json'))).toBe(false);
    const kept = discover(
      ...['--backend', 'tfjs', '--device', 'wasm', '--memory', '5', '--edges', '103', '--limit', '4'],
    );
    expect(kept.memory_mb).toBeLessThan(3.5 * 1024);
  });

  it('makes prompts for the tasks, and is mostly right', () => {
    for (const [task, right] of [
      ['sva', 0.9],
      ['ioi', 0.6],
    ] as const) {
      const { clean } = JSON.parse(
        run('dataset', '--generate', task, '--model', MODEL, '--count', '16', '--json', '--quiet'),
      ) as { clean: { above_wrong: number } };
      expect([task, clean.above_wrong >= right]).toEqual([task, true]);
    }
  });
});
