/** @file `latents` on the shipped autoencoder. */
/** From an autoencoder to a circuit of latents, as one would type it. */
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { refusal, runMain } from '../test/run-main.js';

const shipped = fileURLToPath(new URL('../../../models/shipped-data/ioi-mini-sae/', import.meta.url));
let cwd: string;
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'latents-'));
  await cp(shipped, join(cwd, 'sae'), { recursive: true });
});
afterAll(() => rm(cwd, { recursive: true }));
const run = (...args: string[]) => runMain([...args, '--backend', 'interpreter', '--limit', '2'], { cwd });

describe('latents', () => {
  it('writes a model file that discover takes, with latents among the sources', async () => {
    const made = await run('latents', '--task', 'ioi-mini', '--sae', 'sae', '--top', '5', '--out', 'm.json', '--json');
    expect(made.stderr).not.toMatch(/error/);
    expect(made.code).toBe(0);
    const { autoencoders } = JSON.parse(made.stdout);
    expect(autoencoders[0].strengths).toHaveLength(5);
    const file = JSON.parse(await readFile(join(cwd, 'm.json'), 'utf8'));
    const latents = autoencoders[0].strengths.map(({ latent }: { latent: number }) => latent);
    expect(file).toEqual({
      format: 'auto-circuit model 1',
      model: 'ioi-mini',
      autoencoders: [{ folder: 'sae', site: 'L0.mlp', latents }],
    });
    const found = await run(
      ...['discover', '--task', 'ioi-mini', '--model', 'm.json', '--algo', 'eap', '--test', 'same'],
      ...['--edges', '20', '--metric', 'logit-diff', '--out', 'run', '--json'],
    );
    expect(found.stderr).not.toMatch(/error/);
    expect(found.code).toBe(0);
    const result = JSON.parse(found.stdout);
    const plain = JSON.parse((await runMain(['model', 'ioi-mini', '--json'], { cwd })).stdout);
    // five sources more for the 12 + 1 inputs of layers 1 and 2 and for the end
    expect(result.edges_total).toBe(plain.graphs['split QKV'].edges + 5 * (2 * 13 + 1));
    const circuit = JSON.parse(await readFile(join(cwd, 'run', 'circuit.json'), 'utf8'));
    expect(circuit.graph.layout.latents).toEqual({ 'L0.mlp': latents });
    const again = await runMain(['evaluate', 'run', '--metric', 'kl', '--edges', '20', '--json'], { cwd });
    expect([again.code, again.stderr]).toEqual([0, expect.not.stringMatching(/error/)]);
  });

  it('says what is missing or does not fit', async () => {
    expect(await refusal(['latents', '--task', 'ioi-mini'], { cwd })).toMatchObject({
      code: 'missing-option',
      fields: { option: '--sae' },
    });
    const wrong = await run('latents', '--task', 'ioi-mini', '--sae', 'sae,7');
    expect([wrong.code, wrong.stderr]).toEqual([
      2,
      expect.stringMatching(/latents at L7.mlp cannot be sources: expected L0 to L2/),
    ]);
    expect((await run('latents', '--task', 'ioi-mini', '--sae', 'none')).stderr).toMatch(/cannot read .*cfg.json/);
  });
});
