import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { toHalves } from '../files/half.js';
import { writeSafetensors } from '../files/safetensors-write.js';
import { scoreShape } from '../graph/build.js';
import type { PromptScoreDType, PromptScoreTensors } from '../plugin/prompt-scores.js';
import { elementCount, floatTensor } from '../tensor/tensor.js';
import { errorOf } from '../testing/errors.js';
import { stagedGraph } from '../testing/graphs.js';
import { readPromptScores, writePromptScores } from './prompt-score-file.js';

const graph = stagedGraph();
const places = [4, 0, 7, 2, 9];

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'prompt-scores-'));
  path = join(folder, 'scores-by-prompt.safetensors');
});
afterEach(() => rm(folder, { recursive: true }));

/** Numbers that differ everywhere and are no halves: [prompts, …] of the prompts from `first` on. */
function scoresFrom(first: number, prompts: number, times = 1): PromptScoreTensors {
  const tensors = graph.destinationBlocks.map((block, b) => {
    const shape = [prompts, ...scoreShape(graph, block)];
    const size = elementCount(shape) / prompts;
    const data = Float32Array.from({ length: prompts * size }, (_, i) => times * Math.sin(1 + b + first * size + i));
    return [block.module, floatTensor(data, shape)] as const;
  });
  return Object.fromEntries(tensors);
}
const writer = (dtype: PromptScoreDType = 'float32') => writePromptScores({ path, graph, dtype, places });
function filled(dtype: PromptScoreDType = 'float32'): void {
  const file = writer(dtype);
  file.keep(0, scoresFrom(0, 2));
  file.keep(2, scoresFrom(2, 3));
  file.close();
}

describe('scores-by-prompt.safetensors', () => {
  it('gives every prompt’s scores back, whichever are asked for, with their places in the data set', () => {
    filled();
    const table = readPromptScores(path, graph);
    expect(table).toMatchObject({ prompts: 5, places, dtype: 'float32' });
    expect(table.read(0, 5).tensors).toEqual(scoresFrom(0, 5));
    expect(table.read(3, 4).tensors).toEqual(scoresFrom(3, 1));
    expect(table.read(2, 2).tensors[graph.destinationBlocks[0]!.module]!.data).toHaveLength(0);
    expect(() => table.read(4, 6)).toThrow(RangeError);
  });

  it('is the file that writeSafetensors writes of the same tensors', async () => {
    for (const dtype of ['float32', 'float16'] as const) {
      filled(dtype);
      const bytes = await readFile(path);
      const { metadata } = (await import('../files/safetensors.js')).openSafetensors(path);
      const tensors = Object.entries(scoresFrom(0, 5)).map(([name, { shape, data }]) => ({
        name,
        shape,
        dtype: dtype === 'float32' ? ('F32' as const) : ('F16' as const),
        data: dtype === 'float32' ? (data as Float32Array) : toHalves(data),
      }));
      const other = join(folder, 'other.safetensors');
      await writeSafetensors(other, tensors, metadata);
      expect((await readFile(other)).equals(bytes)).toBe(true);
      await rm(path);
    }
  });

  it('takes half the room in float16, at 11 bits, and refuses what is too large for it', async () => {
    filled();
    const whole = (await stat(path)).size;
    filled('float16');
    const header = 8 + (await readFile(path)).readUInt32LE(0);
    expect((await stat(path)).size - header).toBe((whole - header) / 2);
    const { dtype, read } = readPromptScores(path, graph);
    expect(dtype).toBe('float16');
    for (const [module, { data }] of Object.entries(scoresFrom(0, 5))) {
      read(0, 5).tensors[module]!.data.forEach((x, i) => {
        expect(Math.abs(x - data[i]!)).toBeLessThanOrEqual(2 ** -11 * Math.abs(data[i]!) + 2 ** -25);
      });
    }
    const file = writer('float16');
    expect(errorOf(() => file.keep(0, scoresFrom(0, 2, 1e6)))).toMatchObject({
      code: 'not-finite',
      fields: { module: graph.destinationBlocks[0]!.module },
    });
    file.close();
  });

  it('goes on where it was left, and comes to the same bytes, also where a prompt comes twice', async () => {
    filled();
    const whole = await readFile(path);
    await rm(path);
    const first = writer();
    first.keep(0, scoresFrom(0, 2));
    first.keep(2, scoresFrom(2, 1)); // killed here: the checkpoint knows of two prompts
    first.close();
    const second = writer();
    second.keep(2, scoresFrom(2, 3));
    second.close();
    expect((await readFile(path)).equals(whole)).toBe(true);
  });

  it('begins anew over a file of another request', async () => {
    filled('float16');
    await writeFile(join(folder, 'x'), '');
    filled('float32');
    expect(readPromptScores(path, graph).read(0, 5).tensors).toEqual(scoresFrom(0, 5));
  });

  it('refuses a file of another graph, one that does not say its prompts, and a folder that is not there', async () => {
    filled();
    expect(errorOf(() => readPromptScores(path, stagedGraph({}, { heads: 3 })))).toMatchObject({
      code: 'graph-mismatch',
    });
    await writeSafetensors(path, []);
    expect(errorOf(() => readPromptScores(path, graph))).toMatchObject({
      code: 'invalid-file',
      fields: { path, key: 'prompts' },
    });
    const nowhere = join(folder, 'no', 'file.safetensors');
    expect(errorOf(() => writePromptScores({ path: nowhere, graph, dtype: 'float32', places }))).toMatchObject({
      code: 'file-not-found',
    });
  });
});
