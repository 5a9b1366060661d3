import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { floatTensor } from '../tensor/tensor.js';
import { errorOf } from '../testing/errors.js';
import { stagedGraph } from '../testing/graphs.js';
import { nodesFromJson, nodesToJson, readNeurons, toFileNodes, writeNeurons } from './node-files.js';
import { nodesSchema, parseBySchema, toJsonText } from './schemas.js';

const graph = stagedGraph({}, { layers: 1 }); // Resid Start, B0.0, B0.1
const twice = stagedGraph({ positions: 2 }, { layers: 1 });
const tensor = (data: number[], shape: number[]) => floatTensor(Float64Array.from(data), shape);

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'node-files-'));
});
afterEach(() => rm(folder, { recursive: true }));

describe('nodes.json', () => {
  it('lists nodes by falling importance, and is read back as it was', () => {
    const scores = tensor([0.5, -3, 1 / 3], [3]);
    const entries = nodesToJson(graph, scores);
    expect(entries).toEqual([
      { node: 'B0.0', score: -3 },
      { node: 'Resid Start', score: 0.5 },
      { node: 'B0.1', score: 1 / 3 },
    ]);
    const read = parseBySchema(nodesSchema, toJsonText(entries, 'nodes'), 'nodes.json');
    expect(nodesFromJson(graph, read, 'nodes.json')).toEqual(scores);
  });
  it('names positions where the graph has them', () => {
    const scores = tensor([1, 2, 3, 4, 5, Number.POSITIVE_INFINITY], [2, 3]);
    const entries = nodesToJson(twice, scores);
    expect(entries.slice(0, 2)).toEqual([
      { node: 'B0.1', position: 1, score: 'inf' },
      { node: 'B0.0', position: 1, score: 5 },
    ]);
    expect(nodesFromJson(twice, entries, 'nodes.json')).toEqual(scores);
  });
  it('refuses the nodes of another graph', () => {
    const entries = nodesToJson(graph, tensor([1, 2, 3], [3]));
    const mismatch = { code: 'graph-mismatch', fields: { path: 'nodes.json', key: 'nodes' } };
    expect(errorOf(() => nodesFromJson(twice, entries, 'nodes.json'))).toMatchObject(mismatch);
    const other = entries.map((entry) => ({ ...entry, node: `A${entry.node}` }));
    expect(errorOf(() => nodesFromJson(graph, other, 'nodes.json'))).toMatchObject(mismatch);
  });
});

describe('neurons.safetensors', () => {
  it('is read back as it was written', async () => {
    const neurons = tensor([1, 2, 3, 4, 5, 0.1], [3, 2]);
    const inFile = toFileNodes(graph, { scores: tensor([3, 7, 5.1], [3]), neurons }).neurons!;
    expect([...inFile.data]).toEqual([1, 2, 3, 4, 5, Math.fround(0.1)]);
    const path = join(folder, 'neurons.safetensors');
    await writeNeurons(path, graph, inFile);
    expect(readNeurons(path, graph)).toEqual(inFile);
    expect(errorOf(() => readNeurons(path, twice))).toMatchObject({
      code: 'wrong-scores',
      fields: { shape: [3, 2], expectedShape: [2, 3, 2] },
    });
  });
  it('refuses other shapes and what is no number', () => {
    expect(errorOf(() => toFileNodes(graph, { scores: tensor([1, 2], [2]) }))).toMatchObject({
      code: 'wrong-scores',
      fields: { shape: [2], expectedShape: [3] },
    });
    expect(errorOf(() => toFileNodes(graph, { scores: tensor([1, Number.NaN, 2], [3]) }))).toMatchObject({
      code: 'not-finite',
    });
  });
});
