import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fromEapIg } from '@auto-circuit/core/run';
import { strToU8, zipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import { eapIgValue, readGraphFile } from './eap-ig-file.js';
import { readTorchFile } from './torch-file.js';

/** Graphs of two layers of two heads that EAP-IG's Python wrote in both forms, with random scores and marks. */
const GRAPHS = fileURLToPath(new URL('../../test-data/graphs/', import.meta.url));
const LAYOUT = { kind: 'transformer', layers: 2, heads: 2, kvHeads: 2, dModel: 4, mlp: true, parallel: false } as const;

interface Saved {
  readonly nodes: Record<string, { score?: number; in_graph: boolean; neurons?: boolean[]; neurons_scores?: number[] }>;
  readonly edges: Record<string, { score: number; in_graph: boolean }>;
}
const read = async (name: string): Promise<Saved> => (await readGraphFile('test', join(GRAPHS, name), name)) as Saved;

describe('graphs that EAP-IG saved with PyTorch', () => {
  it.each(['plain', 'brain-parallel', 'neurons'])('hold what its JSON of the same graph holds: %s', async (name) => {
    const [pt, json] = [await read(`${name}.pt`), await read(`${name}.json`)];
    expect(Object.keys(pt.edges).sort()).toEqual(Object.keys(json.edges).sort());
    // Python prints the float32 with all digits of its float64; bfloat16 likewise.
    for (const [edge, entry] of Object.entries(json.edges)) expect(pt.edges[edge], edge).toEqual(entry);
    for (const [node, { in_graph: _, neurons, ...scores }] of Object.entries(json.nodes)) {
      expect(pt.nodes[node], node).toMatchObject({ ...scores, ...(neurons ? { neurons: neurons.map(Number) } : {}) });
    }
  });

  it('are read as graphs of a model', async () => {
    const value = await read('plain.pt');
    const { scoresOf, circuit } = fromEapIg(value, LAYOUT, 'plain.pt');
    expect(scoresOf).toBe('edges');
    expect(circuit!.edges.length).toBe(Object.values(value.edges).filter((edge) => edge.in_graph).length);
  });
});

describe('files of torch.save that are none', () => {
  const refusal = async (bytes: Uint8Array): Promise<unknown> =>
    readTorchFile(bytes, 'x.pt', 'test').then(
      (value) => ({ value }),
      (error: unknown) => error,
    );
  const pickled = (text: string, more: Record<string, Uint8Array> = {}): Uint8Array =>
    zipSync({ 'x/data.pkl': strToU8(text, true), ...more }, { level: 0 });

  it('calls no function of Python', async () => {
    // cos\nsystem\n(S'x'\ntR. is what a malicious pickle looks like.
    expect(await refusal(pickled("cos\nsystem\n(S'x'\ntR."))).toMatchObject({
      code: 'invalid-file',
      message: expect.stringContaining('os.system'),
    });
  });

  it('says so for another kind of file, one that is cut short and one that is packed', async () => {
    const whole = await readFile(join(GRAPHS, 'plain.pt'));
    expect(await refusal(new TextEncoder().encode('{"cfg": 1}'))).toMatchObject({ code: 'unsupported-format' });
    expect(await refusal(whole.subarray(0, whole.length - 200))).toMatchObject({ code: 'invalid-file' });
    expect(await refusal(zipSync({ 'x/data.pkl': new Uint8Array(1000) }, { level: 9 }))).toMatchObject({
      code: 'invalid-file',
      message: expect.stringContaining('packed'),
    });
  });

  it('never crashes, whatever byte is changed', async () => {
    const whole = await readFile(join(GRAPHS, 'plain.pt'));
    for (let at = 0; at < whole.length; at += 7) {
      const changed = Uint8Array.from(whole);
      changed[at]! ^= 1 << (at % 8);
      const error: unknown = await readTorchFile(changed, 'x.pt', 'test')
        .then((saved) => eapIgValue(saved, 'x.pt', 'test'))
        .then(
          () => null,
          (caught: unknown) => caught,
        );
      if (error)
        expect(error, `byte ${at}`).toMatchObject({
          code: expect.stringMatching(/^(invalid-file|unsupported-format)$/),
        });
    }
  });

  it('refuses a tensor that repeats its numbers to any size', async () => {
    // _rebuild_tensor_v2(storage '0', 0, (10**9,), (0,))
    const text =
      "ctorch._utils\n_rebuild_tensor_v2\n((S'storage'\nctorch\nFloatStorage\nS'0'\nS'cpu'\nI1\ntQI0\n(I1000000000\nt(I0\ntI00\ntR.";
    expect(await refusal(pickled(text, { 'x/data/0': new Uint8Array(4) }))).toMatchObject({
      code: 'invalid-file',
      message: expect.stringContaining('larger than its numbers'),
    });
  });
});
