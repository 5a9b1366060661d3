/** @file `--memory` seen from outside: the peak of what is resident stays below it, or the command refuses. Built files. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));
const MAIN = path('../../dist/main.js');
const BENCH = path('../../../../bench/');

interface Measured {
  readonly code: number | null;
  readonly stderr: string;
  /** MiB. */
  readonly peak: { readonly resident: number };
}
let cwd: string;
let model: string;
let data: string;
let measuredChild: (
  command: string,
  args: readonly string[],
  options: { readonly cwd: string; readonly env: NodeJS.ProcessEnv },
) => Promise<Measured>;

beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'memory-'));
  model = join(cwd, 'gpt2-small');
  await promisify(execFile)(process.execPath, [join(BENCH, 'random-checkpoint.mjs'), 'gpt2-small', model]);
  const words = (seed: number) => Array.from({ length: 16 }, (_, i) => (i * 7919 + seed * 104_729) % 50_000);
  const prompts = Array.from({ length: 12 }, (_, i) => ({
    ...{ clean: words(i), corrupt: words(i + 100), answers: [i], wrong_answers: [i + 900] },
  }));
  data = join(cwd, 'prompts.json');
  await writeFile(data, JSON.stringify({ prompts }));
  ({ measuredChild } = await import(join(BENCH, 'measured-child.mjs')));
}, 120_000);
afterAll(() => rm(cwd, { recursive: true }));

const discover = (args: string): Promise<Measured> =>
  measuredChild(process.execPath, [MAIN, 'discover', ...args.split(' '), '--quiet', '--overwrite'], {
    cwd,
    env: { ...process.env, AUTO_CIRCUIT_CACHE: join(cwd, 'cache') },
  });

describe.skipIf(process.platform !== 'linux')('--memory, measured from outside', () => {
  // 0.55 GiB of them weights: piece by piece, the least limit as whole programs, one that cuts, one with room for copies of weights
  it.each([0.6, 1, 1.3, 3])('keeps a GPT-2 small below %d GiB', async (gib) => {
    const common = `--model ${model} --data ${data} --test same --edges 100 --keep 100 --metric logit-diff`;
    const { code, stderr, peak } = await discover(`${common} --algo eap --memory ${gib} --out run-${gib}`);
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.not.stringContaining('error') });
    expect(peak.resident).toBeGreaterThan(300); // it was measured at all
    expect(peak.resident).toBeLessThan(gib * 1024);
  });
  it('gives nearly the same scores however it cuts', async () => {
    const circuits = await Promise.all([1, 3].map((gib) => readFile(join(cwd, `run-${gib}`, 'circuit.json'), 'utf8')));
    const [tight, roomy] = circuits.map(
      (text) =>
        new Map((JSON.parse(text) as { edges: { edge: string; score: number }[] }).edges.map((e) => [e.edge, e.score])),
    );
    const shared = [...tight!].filter(([edge]) => roomy!.has(edge));
    expect(shared.length).toBeGreaterThanOrEqual(98);
    for (const [edge, score] of shared) expect(roomy!.get(edge)! / score).toBeCloseTo(1, 3);
  });
  it('refuses less, with the number that would do, before it loads', async () => {
    const { code, stderr, peak } = await discover(`--model ${model} --data ${data} --algo eap --memory 0.3 --out no`);
    expect(code).toBe(2);
    expect(stderr).toMatch(
      /^error: \[memory\] one prompt of 16 tokens does not fit in the memory limit: expected at least 0\.[45]\d GiB \(0\.\d+ of them weights\), got 0\.30 GiB; /,
    );
    expect(peak.resident).toBeLessThan(300);
  });
  it.each([
    ['eap', 0.3],
    ['acdc', 0.3],
    ['subnetwork-probing --algo.epochs 20', 0.3],
    ['eap', 1],
  ])('keeps the shipped model under %s below %d GiB', async (algo, gib) => {
    const { code, stderr, peak } = await discover(
      `--task ioi-mini --limit 16 --algo ${algo} --edges 40 --keep 40 --memory ${gib} --out small`,
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.not.stringContaining('error') });
    expect(peak.resident).toBeLessThan(gib * 1024);
  });
});
