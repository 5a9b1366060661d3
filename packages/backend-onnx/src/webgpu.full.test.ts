import { existsSync, mkdtempSync, readdirSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type Backend, memoryWeights, ProgramBuilder } from '@auto-circuit/core/backend';
import { disagreement, OP_CASES } from '@auto-circuit/core/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { onnxBackend } from './index.js';
import { attentionLayer } from './testing/attention-layer.js';
import { FUSED_COMPOSITES } from './testing/composites.js';
import { program, randomFloats } from './testing/programs.js';

/** Mesa's driver that computes on the CPU; scripts/setup-webgpu.sh installs it. */
function softwareDriver(): string | undefined {
  const folder = '/usr/share/vulkan/icd.d';
  const file = existsSync(folder) ? readdirSync(folder).find((f) => /^lvp_icd.*\.json$/.test(f)) : undefined;
  return file && path.join(folder, file);
}
const driver = process.env.VK_ICD_FILENAMES ?? softwareDriver();
if (driver === undefined)
  console.warn(
    'NOT RUN: the WebGPU tests need a Vulkan driver; scripts/setup-webgpu.sh installs one that needs no GPU.',
  );

const weights = memoryWeights({
  w: { shape: [4, 3], data: randomFloats(12, 7) },
  w5: { shape: [5, 3], data: randomFloats(15, 8) },
  w3: { shape: [3, 5], data: randomFloats(15, 9) },
});
const SIZES = [
  { batch: 2, pos: 3 },
  { batch: 1, pos: 13 },
];
/** Shaders may take exp, tanh and the like from approximations good to some 2⁻¹⁸ of the largest number. */
const STEPS = 128;

describe.runIf(driver !== undefined)('webgpu', () => {
  let backend: Backend;
  beforeAll(async () => {
    process.env.VK_ICD_FILENAMES = driver;
    process.env.XDG_RUNTIME_DIR ??= mkdtempSync(path.join(os.tmpdir(), 'webgpu-'));
    backend = await onnxBackend({ device: 'webgpu' });
  }, 120_000);
  afterAll(() => backend?.dispose());

  it('says what it is', () => {
    expect(backend.info).toMatchObject({ backend: 'onnx', device: 'webgpu' });
  });

  describe.each(Object.entries(OP_CASES))('%s', (_op, cases) => {
    it.each(cases.map((c) => [c.title, c] as const))('%s', async (_title, { build }) => {
      expect(await disagreement(backend, program(build), SIZES, weights)).toBeLessThan(STEPS);
    });
  });

  it.each(FUSED_COMPOSITES)('fuses %s', async (_kind, make) => {
    const of = program((b) => b.output('y', make(b, b.input('x', 'float', ['batch', 'pos', 16]))));
    expect(await disagreement(backend, of, SIZES)).toBeLessThan(STEPS);
  });

  it('runs an attention layer', async () => {
    const b = new ProgramBuilder('attention');
    const layer = attentionLayer(b);
    expect(await disagreement(backend, b.build(), layer.sizes, layer.weights)).toBeLessThan(STEPS);
  });
});
