/** Runs that keep the scores of single prompts. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { interpreterBackend } from '../backend/interpreter/interpreter.js';
import { buildGraph, DEFAULT_GRAPH_OPTIONS } from '../graph/build.js';
import { flattenScores } from '../graph/score-index.js';
import { createPatchableModel } from '../patch/engine.js';
import type { PatchableModel } from '../patch/requests/patchable-model.js';
import type { PromptScoreDType, PromptScoreTable } from '../plugin/prompt-scores.js';
import { definePruneAlgo } from '../plugin/prune-algo.js';
import { readPromptScores } from '../run-folder/prompt-score-file.js';
import { readRun } from '../run-folder/run-reader.js';
import { microModel } from '../testing/micro-model.js';
import { MICRO_IDENTITY, MICRO_PROMPTS, MICRO_RUN_HEADS, microEap, microRequest } from '../testing/micro-run.js';
import { discover } from './discover.js';
import type { DiscoverRequest } from './request.js';
import { scoreShare, scoreUnits } from './shares.js';

let root: string;
let model: PatchableModel;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'per-prompt-'));
  const object = microModel(MICRO_RUN_HEADS);
  const graph = buildGraph(object.spec.layout, DEFAULT_GRAPH_OPTIONS);
  model = await createPatchableModel({ model: object, graph, backend: interpreterBackend() });
});
afterEach(async () => {
  await model.dispose();
  await rm(root, { recursive: true });
});

const stored = (folder: string, changes: Partial<DiscoverRequest> = {}, existing: 'refuse' | 'resume' = 'refuse') =>
  microRequest(model, {
    perPrompt: 'float32',
    store: { folder: join(root, folder), existing, identity: MICRO_IDENTITY },
    ...changes,
  });
const fileOf = (folder: string) => join(root, folder, 'scores-by-prompt.safetensors');
async function bytesOf(folder: string): Promise<Record<string, string>> {
  const names = (await readdir(join(root, folder))).filter((name) => name !== 'timings.json').sort();
  const texts = names.map(async (name) => [name, await readFile(join(root, folder, name), 'latin1')] as const);
  return Object.fromEntries(await Promise.all(texts));
}

/** Each prompt's scores by a run of that prompt alone. */
async function alone(): Promise<number[][]> {
  const rows = [];
  for (const prompt of MICRO_PROMPTS) {
    const { scores } = await discover(
      microRequest(model, { prompts: [prompt], sizes: { by: 'list', counts: [3] }, keep: 3 }),
    );
    rows.push([...flattenScores(model.graph, scores)]);
  }
  return rows;
}
const rowsOf = (table: PromptScoreTable): number[][] =>
  Array.from({ length: table.prompts }, (_, p) => {
    const { tensors } = table.read(p, p + 1);
    const scores = Object.fromEntries(
      Object.entries(tensors).map(([module, { shape, data }]) => [
        module,
        { kind: 'float', shape: shape.slice(1), data },
      ]),
    );
    return [...flattenScores(model.graph, scores as never)];
  });

describe('--per-prompt', () => {
  it('keeps what a run of each prompt alone gives; the mean of them is the scores', async () => {
    const expected = await alone();
    const inMemory = await discover(microRequest(model, { perPrompt: 'float32' }));
    const onDisk = await discover(stored('r'));
    expect(rowsOf(inMemory.byPrompt!)).toEqual(expected);
    expect(rowsOf(onDisk.byPrompt!)).toEqual(expected);
    const means = expected[0]!.map((_, e) => expected.reduce((sum, row) => sum + row[e]!, 0) / expected.length);
    expect([...flattenScores(model.graph, onDisk.scores)]).toEqual(means.map(Math.fround));
    expect(readPromptScores(fileOf('r'), model.graph).places).toEqual(MICRO_PROMPTS.map(({ index }) => index));
    expect((await readRun(join(root, 'r'))).asked.perPrompt).toBe('float32');
  });

  it('changes no other number of a run, and without it there is no file', async () => {
    await discover(stored('with'));
    await discover(stored('without', { perPrompt: null }));
    const [one, other] = [await bytesOf('with'), await bytesOf('without')];
    for (const name of Object.keys(other).filter((file) => !['run.json', 'checksums.json'].includes(file))) {
      expect(one[name], name).toBe(other[name]);
    }
    expect(Object.keys(one).filter((name) => !(name in other))).toEqual(['scores-by-prompt.safetensors']);
    expect(other['run.json']).not.toContain('perPrompt');
  });

  it.each<PromptScoreDType>(['float32', 'float16'])(
    '%s: stopped after any batch and resumed, the same bytes',
    async (perPrompt) => {
      await discover(stored('whole', { perPrompt }));
      const whole = await bytesOf('whole');
      for (const stopAfter of [1, 2, 3, 4]) {
        const controller = new AbortController();
        const folder = `stopped-${stopAfter}`;
        const stopping = discover(stored(folder, { perPrompt }), {
          signal: controller.signal,
          onProgress: (phase, done) => {
            if (phase === 'score' && done === stopAfter) controller.abort(new Error('stopped'));
          },
        });
        await expect(stopping).rejects.toThrow('stopped');
        const { byPrompt } = await discover(stored(folder, { perPrompt }, 'resume'));
        expect(await bytesOf(folder)).toEqual(whole);
        const again = await discover(stored(folder, { perPrompt }, 'resume'));
        expect(rowsOf(again.byPrompt!)).toEqual(rowsOf(byPrompt!));
      }
    },
  );

  it('notices scores of prompts that were lost between two processes', async () => {
    const controller = new AbortController();
    const stopping = discover(stored('r'), {
      signal: controller.signal,
      onProgress: (phase, done) => {
        if (phase === 'score' && done === 2) controller.abort(new Error('stopped'));
      },
    });
    await expect(stopping).rejects.toThrow('stopped');
    await rm(fileOf('r'));
    await expect(discover(stored('r', {}, 'resume'))).rejects.toMatchObject({
      code: 'wrong-checkpoint',
      fields: { path: fileOf('r') },
    });
    await expect(readFile(join(root, 'r', 'scores.safetensors'))).rejects.toThrow();
  });

  it('refuses a finished run whose file was changed or is gone', async () => {
    await discover(stored('r'));
    const bytes = await readFile(fileOf('r'));
    bytes[bytes.length - 1]! ^= 1;
    await writeFile(fileOf('r'), bytes);
    await expect(readRun(join(root, 'r'))).rejects.toMatchObject({ code: 'run-damaged' });
    await rm(fileOf('r'));
    await expect(readRun(join(root, 'r'))).rejects.toMatchObject({ code: 'run-damaged' });
  });

  it('refuses algorithms without scores of prompts, and any that give another mean than their scores', async () => {
    const { byPrompt: _, ...silent } = microEap as never as { byPrompt: boolean };
    const without = { ...silent, name: 'silent' } as never;
    await expect(discover(stored('r', { algo: without }))).rejects.toMatchObject({
      code: 'conflicting-options',
      fields: { options: ['algo', 'perPrompt'], algo: 'silent' },
    });
    expect(await readdir(root)).toEqual([]);
    const lying = definePruneAlgo({
      name: 'lying',
      doc: 'keeps other scores than it gives',
      options: {},
      byPrompt: true,
      async score({ byPrompt, ...context }) {
        const keep: typeof byPrompt = {
          keep(first, tensors) {
            for (const { data } of Object.values(tensors)) data[0]! *= 1 + 1e-5;
            byPrompt!.keep(first, tensors);
            for (const { data } of Object.values(tensors)) data[0]! /= 1 + 1e-5;
          },
        };
        return microEap.score({ ...context, byPrompt: keep }, {});
      },
    });
    await expect(discover(stored('r', { algo: lying }))).rejects.toMatchObject({ code: 'wrong-checkpoint' });
  });

  it('is done by one process: such a run has no shares', async () => {
    const divided = { ...microEap, units: () => 4 };
    expect(scoreUnits(stored('r', { algo: divided, perPrompt: null }))).toBe(4);
    expect(scoreUnits(stored('r', { algo: divided }))).toBeNull();
    const parts = async function* () {};
    await expect(discover(stored('r', { algo: divided, parts }))).rejects.toMatchObject({
      code: 'conflicting-options',
      fields: { options: ['perPrompt', 'parts'] },
    });
    await expect(scoreShare(stored('r', { algo: divided }), { start: 0, stop: 1 })).rejects.toMatchObject({
      code: 'conflicting-options',
    });
  });
});
