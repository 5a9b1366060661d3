/** @file How raw tensors become the weights of decoders: packed rows, pairs that turn, copies of a shared norm, centred writes. */
import { describe, expect, it } from 'vitest';
import { memoryCheckpoint } from '../checkpoint/hf-folder.js';
import { asIs, groupPart, pairsToHalves, rowRange, stacked } from '../checkpoint/layouts.js';
import { folderModel } from './folder-models.js';

describe('layouts', () => {
  const vector = (...data: number[]) => ({ shape: [data.length], data: Float32Array.from(data) });
  const raw = memoryCheckpoint(
    'x',
    { model_type: 'x' },
    {
      m: { shape: [3, 2], data: Float32Array.of(1, 2, 3, 4, 5, 6) },
      v: vector(0, 1, 2, 3, 4, 5, 6, 7),
      w: vector(8, 9),
    },
  );

  it('take rows, and parts of groups', () => {
    expect([...rowRange('m', [3, 2], 1, 2)(raw)]).toEqual([3, 4, 5, 6]);
    // two groups of two queries, a key and a value, of one number each
    expect([...groupPart('v', [8], 2, 4, 0, 2)(raw)]).toEqual([0, 1, 4, 5]);
    expect([...groupPart('v', [8], 2, 4, 2, 1)(raw)]).toEqual([2, 6]);
    expect([...groupPart('v', [8], 2, 4, 3, 1)(raw)]).toEqual([3, 7]);
    expect([...stacked(['w', 'w'], 2)(raw)]).toEqual([8, 9, 8, 9]);
  });

  it('put the two of each pair half a head apart, and leave what does not turn', () => {
    expect([...pairsToHalves(asIs('v', [8]), 1, 8, 8)(raw)]).toEqual([0, 2, 4, 6, 1, 3, 5, 7]);
    expect([...pairsToHalves(asIs('v', [8]), 1, 8, 4)(raw)]).toEqual([0, 2, 1, 3, 4, 5, 6, 7]);
    expect([...pairsToHalves(asIs('v', [8]), 2, 4, 4)(raw)]).toEqual([0, 2, 1, 3, 4, 6, 5, 7]);
    // heads of one pair: nothing moves
    expect([...pairsToHalves(asIs('v', [4 * 2]), 4, 2, 2)(raw)]).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });
});

it('a norm that both modules share is read twice and counted once', () => {
  const { weights, spec } = folderModel('falcon-7b', 'none');
  expect(weights.read('L1.ln2.w')).toEqual(weights.read('L1.ln1.w'));
  // embeddings; two layers of a norm, 4 + 2 heads of 4, the output, and an MLP; the last norm
  expect(spec.parameters).toBe(13 * 16 + 2 * (2 * 16 + 6 * 4 * 16 + 16 * 16 + 2 * 16 * 12) + 2 * 16);
});

it('a gated MLP behind a layer norm writes vectors of mean 0 when writes are centred', () => {
  const { weights, processing } = folderModel('stablelm2', 'all');
  expect(processing).toContain('center-writes');
  const down = weights.read('L0.mlp.down.W'); // [dModel, dMlp]
  const [dModel, dMlp] = weights.entry('L0.mlp.down.W').shape as [number, number];
  for (let neuron = 0; neuron < dMlp; neuron++) {
    let sum = 0;
    for (let d = 0; d < dModel; d++) sum += down[d * dMlp + neuron]!;
    expect(Math.abs(sum)).toBeLessThan(1e-5); // 16 roundings of numbers near 1
  }
});
