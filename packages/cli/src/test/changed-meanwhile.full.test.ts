/**
 * @file A model, its config, the cached weights or the prompts become others at random moments of a run: it comes to the numbers of
 * what was there before or of what is there after, or it says so. Never to others, and never to nothing.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  closeSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { seededRandom } from '@auto-circuit/core/plugin';
import { safetensorsSource, writeSafetensors } from '@auto-circuit/core/run';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

// The built program, as a process of its own that can really die.
const program = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const rounds = Number(process.env.AUTO_CIRCUIT_CHANGES ?? 18);

/** Large enough that its weights are cached in a file and mapped. */
const [LAYERS, D, VOCABULARY, POSITIONS] = [2, 768, 4200, 16];
const config = (layer_norm_epsilon = 1e-5) => ({
  ...{ model_type: 'gpt2', n_layer: LAYERS, n_head: 12, n_embd: D, n_positions: POSITIONS, vocab_size: VOCABULARY },
  layer_norm_epsilon,
});

let root: string;
const at = (...parts: string[]) => join(root, ...parts);
const seconds = { cold: 0, warm: 0 };
/** Scores of each model and config on each prompt file, as bytes of their file. */
const right = new Map<string, string>();

async function writeModel(folder: string, seed: number): Promise<void> {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'config.json'), JSON.stringify(config()));
  const random = seededRandom(seed);
  const numbers = Float32Array.from({ length: 100_003 }, () => 0.05 * random.normal());
  let from = random.below(1000);
  const tensor = (name: string, ...shape: number[]) => {
    const data = Float32Array.from(
      { length: shape.reduce((a, b) => a * b) },
      (_, i) => numbers[(from + i) % numbers.length]!,
    );
    from += data.length + 1;
    return safetensorsSource(`transformer.${name}`, shape, data);
  };
  const norm = (name: string) => [tensor(`${name}.weight`, D), tensor(`${name}.bias`, D)];
  const linear = (name: string, into: number, out: number) => [
    tensor(`${name}.weight`, into, out),
    tensor(`${name}.bias`, out),
  ];
  const block = (h: string) => [
    ...[...norm(`${h}.ln_1`), ...linear(`${h}.attn.c_attn`, D, 3 * D), ...linear(`${h}.attn.c_proj`, D, D)],
    ...[...norm(`${h}.ln_2`), ...linear(`${h}.mlp.c_fc`, D, 4 * D), ...linear(`${h}.mlp.c_proj`, 4 * D, D)],
  ];
  const blocks = Array.from({ length: LAYERS }, (_, l) => block(`h.${l}`)).flat();
  const outer = [tensor('wte.weight', VOCABULARY, D), tensor('wpe.weight', POSITIONS, D), ...norm('ln_f')];
  await writeSafetensors(join(folder, 'model.safetensors'), [...outer, ...blocks]);
}

function writePrompts(path: string, seed: number): void {
  const random = seededRandom(seed);
  const ids = () => Array.from({ length: 8 }, () => random.below(VOCABULARY));
  const prompts = Array.from({ length: 8 }, () => ({
    clean: ids(),
    corrupt: ids(),
    answers: [random.below(VOCABULARY)],
    wrong_answers: [random.below(VOCABULARY)],
  }));
  writeFileSync(path, JSON.stringify({ prompts }));
}

interface Ended {
  readonly code: number | null;
  readonly signal: string | null;
  readonly stderr: string;
  readonly scores: string | null;
}

async function run(out: string, meanwhile: () => Promise<void> = async () => undefined): Promise<Ended> {
  const args = [
    'discover',
    '--model',
    at('model'),
    '--data',
    at('prompts.json'),
    '--algo',
    'eap',
    '--edges',
    '10,100',
    '--keep',
    '100',
    '--threads',
    '1',
  ];
  const child = spawn(process.execPath, [program, ...args, '--quiet', '--out', at(out)], {
    cwd: root,
    env: { ...process.env, AUTO_CIRCUIT_CACHE: at('cache'), TMPDIR: root },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const closed = once(child, 'close') as Promise<[number | null, string | null]>;
  await meanwhile();
  const [code, signal] = await closed; // once the shell beside it has ended, too
  const file = at(out, 'scores.safetensors');
  const scores = existsSync(file) ? readFileSync(file, 'latin1') : null;
  rmSync(at(out), { recursive: true, force: true });
  return { code, signal, stderr, scores };
}

function restore(model: string, prompts: string): void {
  rmSync(at('model'), { recursive: true, force: true });
  cpSync(at(`model-${model}`), at('model'), { recursive: true });
  copyFileSync(at(`prompts-${prompts}.json`), at('prompts.json'));
}

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'changed-'));
  await writeModel(at('model-a'), 1);
  await writeModel(at('model-b'), 2);
  for (const [seed, name] of ['a', 'b'].entries()) writePrompts(at(`prompts-${name}.json`), seed);
  cpSync(at('model-a'), at('model-c'), { recursive: true });
  writePart(at('model-c', 'model.safetensors'));
  const all = [...'abc'].map((model) => [model, 1e-5, 'a'] as const);
  for (const [model, epsilon, prompts] of [...all, ['a', 0.1, 'a'] as const, ['a', 1e-5, 'b'] as const]) {
    restore(model, prompts);
    writeFileSync(at('model', 'config.json'), JSON.stringify(config(epsilon)));
    const began = performance.now();
    const { code, stderr, scores } = await run('right');
    if (code !== 0) throw new Error(stderr);
    right.set(scores!, `model ${model}, epsilon ${epsilon}, prompts ${prompts}`);
    const kind = prompts === 'a' ? 'cold' : 'warm';
    seconds[kind] = Math.max(seconds[kind], performance.now() - began);
  }
});
afterAll(() => rmSync(root, { recursive: true }));

const cached = () => {
  const folder = at('cache', 'weights');
  return existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : [];
};
/** Bytes somewhere in a file become others, in place. */
function overwrite(path: string, from: number, count: number): void {
  chmodSync(path, 0o644);
  const descriptor = openSync(path, 'r+');
  writeSync(descriptor, new Uint8Array(count).fill(7), 0, count, from);
  closeSync(descriptor);
}

/** A third model: the first, a part of which is another. */
const writePart = (path: string): void => overwrite(path, 20_000_000, 4096);

const changes: Record<string, { readonly warm: boolean; readonly change: () => void }> = {
  'the model is replaced': {
    warm: false,
    change: () => {
      copyFileSync(at('model-b', 'model.safetensors'), at('other'));
      renameSync(at('other'), at('model', 'model.safetensors'));
    },
  },
  'the model is written over': {
    warm: false,
    change: () => copyFileSync(at('model-b', 'model.safetensors'), at('model', 'model.safetensors')),
  },
  'a part of the model is written over': {
    warm: false,
    change: () => writePart(at('model', 'model.safetensors')),
  },
  'the config is replaced': {
    warm: true,
    change: () => writeFileSync(at('model', 'config.json'), JSON.stringify(config(0.1))),
  },
  'the prompts are replaced': { warm: true, change: () => copyFileSync(at('prompts-b.json'), at('prompts.json')) },
  'cached weights are written over': {
    warm: true,
    change: () => cached().forEach((path) => overwrite(path, statSync(path).size / 2, 8192)),
  },
  'cached weights are cut short': {
    warm: true,
    change: () => cached().forEach((path) => truncateSync(path, 5_000_000)),
  },
  'cached weights are replaced': {
    warm: true,
    change: () =>
      cached().forEach((path) => {
        copyFileSync(path, at('other'));
        overwrite(at('other'), 10_000_000, 100_000);
        renameSync(at('other'), path);
      }),
  },
  'cached weights are removed': { warm: true, change: () => rmSync(at('cache'), { recursive: true, force: true }) },
};

describe('changed meanwhile', () => {
  it(`${rounds} times: the right numbers, or a sentence`, { timeout: 60_000 + rounds * 60_000 }, async () => {
    expect(right.size).toBe(5); // no two of them alike
    const random = seededRandom(Number(process.env.AUTO_CIRCUIT_SEED ?? 5));
    const outcomes: Record<string, number> = {};
    for (let round = 0; round < rounds; round++) {
      const [name, { warm, change }] = Object.entries(changes)[round % Object.keys(changes).length]!;
      restore('a', 'a');
      if (!warm) rmSync(at('cache'), { recursive: true, force: true });
      else if (cached().length === 0) await run('warm');
      const moment = random.uniform() * 1.1 * (warm ? seconds.warm : seconds.cold);
      const { code, signal, stderr, scores } = await run('out', async () => {
        await sleep(moment);
        change();
      });
      const what = `round ${round}: ${name} after ${Math.round(moment)} ms`;
      if (code === 0) {
        expect(right.get(scores!) ?? 'others', `${what}: other numbers\n${stderr}`).toMatch(
          /^model [abc], epsilon .*, prompts [ab]$/,
        );
      } else {
        expect(stderr, `${what}: ended ${signal ?? `with ${code}`} and said nothing`).toMatch(/^error: \[[\w-]+\] /m);
        if (signal === null) expect(code, `${what}: ${stderr}`).toBe(2);
      }
      const outcome = code === 0 ? 'right' : signal === null ? /^error: \[[\w-]+\]/m.exec(stderr)![0] : signal;
      if (process.env.AUTO_CIRCUIT_CHANGES !== undefined)
        console.log(`${what}: ${code === 0 ? outcome : stderr.trim()}`);
      outcomes[`${name}: ${outcome}`] = (outcomes[`${name}: ${outcome}`] ?? 0) + 1;
    }
    console.log(outcomes);
    // what is left of it all: a run without changes is right
    restore('a', 'a');
    const { code, scores } = await run('last');
    expect([code, right.get(scores!)]).toEqual([0, 'model a, epsilon 0.00001, prompts a']);
  });
});
