import { type Backend, gradient, interpret, type Program, ProgramBuilder } from '@auto-circuit/core/backend';
import { COMPOSITES, disagreement, seededFeeds, stepsApart } from '@auto-circuit/core/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lower, onnxBackend } from './index.js';
import { operatorsOf } from './lower/onnx-file.js';
import { attentionLayer, layerNorm } from './testing/attention-layer.js';
import { FUSED_COMPOSITES } from './testing/composites.js';
import { NO_WEIGHTS, program } from './testing/programs.js';

const SHAPE = ['batch', 'pos', 16] as const;
const SIZES = [
  { batch: 2, pos: 3 },
  { batch: 1, pos: 7 },
];
const operators = (of: Program, fuse = true): string[] => operatorsOf(lower(of, NO_WEIGHTS, { fuse }).model);

let fused: Backend;
let plain: Backend;
beforeAll(async () => {
  fused = await onnxBackend({ threads: 1, fuse: true });
  plain = await onnxBackend({ threads: 1, fuse: false });
});
afterAll(async () => {
  await fused.dispose();
  await plain.dispose();
});

/** The two ways agree to 1e-5 of the largest number: 84 steps of float32. */
const STEPS = 1e-5 / 2 ** -23;

describe.each(FUSED_COMPOSITES)('%s', (_kind, make, operator) => {
  const of = program((b) => b.output('y', b.mul(make(b, b.input('x', 'float', SHAPE)), 3)));
  it('is one node', () => {
    expect(operators(of)).toEqual([operator, 'Mul']);
    expect(operators(of, false)).not.toContain(operator);
  });
  it('agrees with the interpreter, fused and not, and so with itself', async () => {
    expect(await disagreement(fused, of, SIZES)).toBeLessThan(STEPS);
    expect(await disagreement(plain, of, SIZES)).toBeLessThan(STEPS);
  });
  it('is not fused when an inner value is read by something else', async () => {
    const looked = program((b) => {
      const y = make(b, b.input('x', 'float', SHAPE));
      b.output('y', y);
      b.output('inner', b.value(y.inputs[1]!));
    });
    expect(operators(looked)).not.toContain(operator);
    expect(await disagreement(fused, looked, SIZES)).toBeLessThan(STEPS);
  });
});

describe('fusion', () => {
  it('leaves silu to onnxruntime', async () => {
    const of = program((b) => b.output('y', COMPOSITES.silu(b, b.input('x', 'float', SHAPE))));
    expect(operators(of)).toEqual(['Sigmoid', 'Mul']);
    expect(await disagreement(fused, of, SIZES)).toBeLessThan(STEPS);
  });
  it('leaves a norm over an axis of unknown size', async () => {
    const of = program((b) => b.output('y', layerNorm(b, b.input('x', 'float', ['batch', 'pos']))));
    expect(operators(of)).not.toContain('LayerNormalization');
    expect(await disagreement(fused, of, SIZES)).toBeLessThan(STEPS);
  });
  it('fuses a composite on top of another', async () => {
    const of = program((b) => b.output('y', COMPOSITES.gelu(b, layerNorm(b, b.input('x', 'float', SHAPE)))));
    expect(operators(of)).toEqual(['LayerNormalization', 'Gelu']);
    expect(await disagreement(fused, of, SIZES)).toBeLessThan(STEPS);
  });
});

describe('one attention layer', () => {
  it.each([
    ['fused', () => fused],
    ['plain', () => plain],
  ])('%s equals plain loops', async (_title, backend) => {
    const b = new ProgramBuilder('attention');
    const { weights, sizes, plain: loops } = attentionLayer(b);
    const of = b.build();
    const executable = await backend().compile(of, weights);
    for (const size of sizes) {
      const feeds = seededFeeds(of, size, 1);
      const expected = {
        out: { ...feeds.residual!, data: loops(feeds.residual!.data as Float32Array, size.batch!, size.pos!) },
      };
      expect(stepsApart(await executable.run(feeds), expected)).toBeLessThan(STEPS);
      expect(stepsApart(interpret(of, feeds, weights), expected)).toBeLessThan(1);
    }
    await executable.dispose();
  });

  it('has the gradient that the interpreter has', async () => {
    const b = new ProgramBuilder('attention gradient');
    const { weights, sizes } = attentionLayer(b);
    const out = b.value(b.outputs[0]!.id);
    const residual = b.values.find((v) => v.op === 'input')!;
    const [dResidual] = gradient(b, b.sum(b.mul(out, out), [0, 1, 2]), [residual]);
    b.output('dResidual', dResidual!);
    expect(await disagreement(fused, b.build(), sizes, weights)).toBeLessThan(STEPS);
  });
});
