/** @file Weights too large for float32: no command that runs the model passes them, whatever the algorithm. */
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openSafetensors, safetensorsSource, writeSafetensors } from '@auto-circuit/core/run';
import { pruneAlgosPlugin } from '@auto-circuit/prune-algos';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { refusal, runMain } from './run-main.js';

const packages = fileURLToPath(new URL('../../../', import.meta.url));
const shipped = `${packages}models/shipped-data/`;
const cwd = mkdtempSync(join(tmpdir(), 'too-large-'));
const env = { AUTO_CIRCUIT_CACHE: join(cwd, 'cache') };

/** By the first factor outputs are no numbers; by the second squares in norms overflow, so that all outputs are alike. */
const FACTORS = [1e20, 1e9];
const model = (factor: number): string => join(cwd, `times-${factor}`);
const PROMPT = {
  clean: 'While Suri and Rosa waited at the bakery , Rosa handed a blanket to',
  corrupt: 'While Suri and Rosa waited at the bakery , Tamar handed a blanket to',
};
beforeAll(async () => {
  const file = openSafetensors(`${shipped}ioi-mini/model.safetensors`);
  for (const factor of FACTORS) {
    cpSync(`${shipped}ioi-mini`, model(factor), { recursive: true });
    const tensors = [...file.tensors].map(([name, { shape }]) =>
      safetensorsSource(
        name,
        shape,
        Float32Array.from(file.read(name), (x) => x * factor),
      ),
    );
    await writeSafetensors(join(model(factor), 'model.safetensors'), tensors, file.metadata);
  }
  const prompt = { ...PROMPT, answers: [' Suri'], wrong_answers: [' Rosa'] };
  const prompts = ['blanket', 'candle', 'kettle', 'ladder'].map((what) => ({
    ...prompt,
    clean: prompt.clean.replace('blanket', what),
    corrupt: prompt.corrupt.replace('blanket', what),
  }));
  writeFileSync(join(cwd, 'prompts.json'), JSON.stringify({ prompts }));
  const whole = ['discover', '--task', 'ioi-mini', '--limit', '8', '--algo', 'eap', '--edges', '5,20', '--keep', '20'];
  expect(await runMain([...whole, '--out', 'whole', '--quiet'], { cwd, env })).toMatchObject({ code: 0 });
});
afterAll(() => rmSync(cwd, { recursive: true }));

const refused = async (...args: readonly string[]) => refusal(args, { cwd, env });

const ALGOS = pruneAlgosPlugin.contributes.flatMap((one) => (one.kind === 'prune-algo' ? [one.name] : []));
/** What an algorithm needs to begin. */
const OPTIONS: Readonly<Record<string, readonly string[]>> = {
  'known-edges': ['--algo.edges', 'A0.0->Resid End'],
  ensemble: ['--algo.runs', 'whole,whole', '--force'],
};

describe.each(FACTORS)('weights times %s', (factor) => {
  const given = ['--model', model(factor), '--task', 'ioi-mini', '--limit', '8', '--edges', '5,20'];

  it.each(ALGOS)('are refused by %s', async (algo) => {
    const error = await refused('discover', ...given, '--keep', '20', '--algo', algo, ...(OPTIONS[algo] ?? []));
    expect(error, error.message).toMatchObject({ code: 'not-finite' });
  });

  it('are refused by whatever else runs the model', async () => {
    const pair = ['--clean', PROMPT.clean, '--corrupt', PROMPT.corrupt, '--edges', 'A0.0->Resid End'];
    const own = ['--model', model(factor)];
    const data = ['--data', 'prompts.json'];
    const sae = ['--task', 'ioi-mini', '--sae', `${shipped}ioi-mini-sae`, '--limit', '8'];
    const lines = [
      ['evaluate', 'whole/circuit.json', ...given.slice(0, -2)],
      ['dataset', 'prompts.json', ...own],
      ...(factor === FACTORS[0]
        ? [
            ['patch', ...own, ...pair],
            ['logits', ...own, ...data],
            ['logits', ...own, ...data, '--all-positions', '--out', 'logits.safetensors'],
            ['latents', ...own, ...sae],
          ]
        : []),
    ];
    for (const line of lines) {
      const error = await refused(...line);
      expect(error, `${line.join(' ')}: ${error.message}`).toMatchObject({ code: 'not-finite' });
    }
    expect(await runMain(['validate', model(factor), '--quiet'], { cwd, env })).toMatchObject({ code: 1 });
  });
});
