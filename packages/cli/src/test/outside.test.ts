/** @file What comes from outside, on the whole command line: names with escapes, secrets, names of prototypes, files that name themselves. */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { shownText, withoutLikelySecrets, withoutSecrets } from '../terminal/shown.js';
import { type CliRun, refusal, runMain } from './run-main.js';

const shipped = fileURLToPath(new URL('../../../models/shipped-data/ioi-mini/', import.meta.url));
const ESCAPES = '\u001b[2J\u001b]0;title\u0007\u009b31m\u202e';

let cwd: string;
beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), 'outside-'));
});
afterAll(() => rmSync(cwd, { recursive: true }));
const write = (name: string, content: unknown): string => {
  writeFileSync(join(cwd, name), typeof content === 'string' ? content : JSON.stringify(content));
  return name;
};
/** A copy of the shipped model with other files. */
const model = (name: string, changes: Record<string, (json: Record<string, unknown>) => unknown>): string => {
  cpSync(shipped, join(cwd, name), { recursive: true });
  for (const [file, change] of Object.entries(changes)) {
    const path = join(cwd, name, file);
    writeFileSync(path, JSON.stringify(change(JSON.parse(readFileSync(path, 'utf8')))));
  }
  return name;
};
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the ones that must not be there
const ACTIVE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/;
const quiet = ({ stdout, stderr }: CliRun): void => {
  expect(stdout).not.toMatch(ACTIVE);
  expect(stderr).not.toMatch(ACTIVE);
};

describe('what a terminal acts on', () => {
  const cases: Record<string, () => string[]> = {
    'a model’s name': () => ['model', `x${ESCAPES}`],
    'a file’s name': () => ['dataset', `${ESCAPES}.json`, '--model', 'ioi-mini'],
    'an option': () => ['discover', `--${ESCAPES}`],
    'a value of a flag': () => ['discover', '--algo', 'eap', '--task', ESCAPES],
    model_type: () => ['model', `./${model('type', { 'config.json': (c) => ({ ...c, model_type: ESCAPES }) })}`],
    'an activation': () => [
      'model',
      `./${model('act', { 'config.json': (c) => ({ ...c, activation_function: ESCAPES }) })}`,
    ],
    'a key of a circuit': () => [
      'convert',
      write('c.json', { graph: { layout: { kind: ESCAPES } } }),
      '--to',
      'eap-ig',
    ],
    'an edge': () => [
      'patch',
      '--model',
      'ioi-mini',
      '--clean',
      'Suri',
      '--corrupt',
      'Rosa',
      '--edges',
      `A0.0->${ESCAPES}`,
    ],
    'an answer': () => [
      'dataset',
      write('p.json', { prompts: [{ clean: 'a', corrupt: 'b', answers: [`x${ESCAPES}y z`] }] }),
      '--model',
      'ioi-mini',
    ],
  };

  it.each(Object.entries(cases))('%s is shown, and moves nothing', async (_, args) => {
    for (const json of [[], ['--json'], ['--debug']]) {
      const run = await runMain([...args(), ...json], { cwd });
      expect(run.code).not.toBe(0);
      expect(run.code).not.toBe(1);
      quiet(run);
    }
  });

  it('tokens in results are shown, and move nothing', async () => {
    const named = (vocab: object) => Object.fromEntries(Object.entries(vocab).map(([t, id]) => [t + ESCAPES, id]));
    const renamed = model('token', {
      'tokenizer.json': ({ model: own, ...json }) => {
        const { vocab, ...rest } = own as { vocab: Record<string, number> };
        return { ...json, model: { ...rest, vocab: { ...named(vocab), '<unk>': vocab['<unk>'] } } };
      },
    });
    const prompts = write('ids.json', { prompts: [{ clean: [1, 2, 3], corrupt: [1, 3, 2], answers: [4] }] });
    const run = await runMain(['logits', '--data', prompts, '--model', `./${renamed}`, '--top', '50'], { cwd });
    expect(run).toMatchObject({ code: 0, stderr: expect.any(String) });
    expect(run.stdout).toContain('\\u202e');
    quiet(run);
  });

  it('colours of ours stay on a terminal, those of others do not', () => {
    expect(shownText('\u001b[31mred\u001b[39m \u001b[8mhidden\u001b[2J', true)).toBe(
      '\u001b[31mred\u001b[39m \\u001b[8mhidden\\u001b[2J',
    );
    expect(shownText('\u001b[31mred', false)).toBe('\\u001b[31mred');
  });

  it('a megabyte of a name is cut', async () => {
    const long = 'x'.repeat(2 ** 20);
    for (const args of [
      ['model', long],
      ['convert', write('long.json', { graph: { layout: { kind: long } } }), '--to', 'mib'],
      ['patch', '--model', 'ioi-mini', '--clean', 'Suri', '--corrupt', 'Rosa', '--edges', `A0.0->${long}`],
    ]) {
      const { code, stderr, stdout } = await runMain([...args, '--json'], { cwd });
      expect(code).toBe(2);
      expect(stderr.length + stdout.length).toBeLessThan(100_000);
    }
  });
});

describe('secrets', () => {
  const env = {
    HF_TOKEN: 'hf_firstfirstfirst\nhf_secondsecond',
    HF_ENDPOINT: 'http://somebody:pass-word@127.0.0.1:9/?key=query-word',
    AUTO_CIRCUIT_CACHE: '',
  };
  const SECRETS = /firstfirst|secondsecond|pass-word|query-word|somebody/;

  it('of the environment are in no output', async () => {
    const cases: string[][] = [
      ['doctor'],
      ['model', 'org/model'],
      ['discover', '--algo', 'eap', '--task', 'ioi', '--model', 'org/model'],
      ['model', env.HF_TOKEN],
      ['model', env.HF_ENDPOINT],
      ['dataset', `${env.HF_ENDPOINT}.json`, '--model', 'ioi-mini'],
      ['list', env.HF_TOKEN],
    ];
    for (const args of cases) {
      for (const how of [[], ['--json'], ['--debug']]) {
        const { stdout, stderr } = await runMain([...args, ...how], { cwd, env: { ...env, AUTO_CIRCUIT_CACHE: cwd } });
        expect(`${stdout}${stderr}`).not.toMatch(SECRETS);
      }
    }
  });

  it('in addresses and of the hub are masked in sentences, and data stay as they are', () => {
    const text = 'see https://me:secret@host/x and hf_abcdefghijkl';
    expect(withoutLikelySecrets(text, {})).toBe('see https://…@host/x and hf_…');
    expect(withoutSecrets(text, {})).toBe(text);
    expect(withoutSecrets('{"a":"my-token"}', { HF_TOKEN: 'my-token' })).toBe('{"a":"…"}');
    expect(withoutSecrets('abc', { HF_TOKEN: 'abc' })).toBe('abc');
  });

  it('doctor says that an address holds one, not what', async () => {
    const { stdout } = await runMain(['doctor', '--json'], { cwd, env: { ...env, AUTO_CIRCUIT_CACHE: cwd } });
    const { checks } = JSON.parse(stdout) as { checks: { what: string; ok: boolean; detail: string }[] };
    expect(checks.find(({ what }) => what === 'hub')).toMatchObject({
      ok: false,
      detail: expect.stringMatching(/^http:\/\/127\.0\.0\.1:9, but HF_ENDPOINT holds more/),
    });
  });
});

describe('names of prototypes', () => {
  it.each(['constructor', '__proto__', 'toString', 'hasOwnProperty', 'valueOf'])('%s is nothing', async (name) => {
    const unknown = { code: 'unknown-name', kind: 'user' };
    expect(await refusal(['model', name], { cwd })).toMatchObject(unknown);
    expect(await refusal(['discover', '--algo', 'eap', '--task', name], { cwd })).toMatchObject(unknown);
    expect(await refusal(['discover', '--task', 'ioi-mini', '--algo', name], { cwd })).toMatchObject(unknown);
    expect(await refusal(['logits', '--model', name, '--data', 'p.json'], { cwd })).toMatchObject({ kind: 'user' });
    expect(await refusal(['list', name], { cwd })).toMatchObject({ kind: 'user' });
    const config = model(`proto-${name.replaceAll('_', '')}`, {
      'config.json': (c) => ({ ...c, activation_function: name }),
    });
    expect(await refusal(['model', `./${config}`], { cwd })).toMatchObject({ code: 'unsupported-model' });
  });
});

describe('files that are not what they should be', () => {
  it('a model file that names itself, or another', async () => {
    const autoencoders = [{ folder: 'sae', site: 'L0.mlp', latents: [0] }];
    const file = (name: string, of: string) => write(name, { format: 'auto-circuit model 1', model: of, autoencoders });
    file('self.json', 'self.json');
    file('other.json', './self.json');
    for (const name of ['self.json', 'other.json']) {
      expect(await refusal(['model', name], { cwd })).toMatchObject({ code: 'invalid-file', fields: { key: 'model' } });
    }
  });

  it('nested without end, under keys that nobody reads', async () => {
    const deep = `${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}`;
    const name = model('deep', {});
    for (const file of ['config.json', 'tokenizer.json']) {
      cpSync(join(shipped, file), join(cwd, name, file));
      const text = readFileSync(join(cwd, name, file), 'utf8').replace('{', `{"unread":${deep},`);
      writeFileSync(join(cwd, name, file), text);
      expect(await refusal(['model', `./${name}`], { cwd })).toMatchObject({ code: 'invalid-file' });
      cpSync(join(shipped, file), join(cwd, name, file));
    }
    write('deep.json', `{"prompts":[],"x":${deep}}`);
    expect(await refusal(['dataset', 'deep.json', '--model', 'ioi-mini'], { cwd })).toMatchObject({ kind: 'user' });
    write('circuit.json', `{"graph":{},"x":${deep}}`);
    expect(await refusal(['convert', 'circuit.json', '--to', 'mib'], { cwd })).toMatchObject({ code: 'invalid-file' });
  });

  it('a config of 100,000 layers, or with a billion threads', async () => {
    const name = model('layers', { 'config.json': (c) => ({ ...c, n_layer: 100_000 }) });
    expect(await refusal(['model', `./${name}`], { cwd })).toMatchObject({
      code: 'invalid-file',
      fields: { key: 'n_layer' },
    });
    expect(
      await refusal(['discover', '--task', 'ioi-mini', '--algo', 'eap', '--threads', '3000'], { cwd }),
    ).toMatchObject({
      code: 'invalid-option',
      fields: { option: '--threads' },
    });
    expect(
      await refusal(['discover', '--task', 'ioi-mini', '--algo', 'eap', '--workers', '3000'], { cwd }),
    ).toMatchObject({
      code: 'invalid-option',
    });
  });

  it('a config that waits for what never comes', async () => {
    const folder = join(cwd, 'waits');
    mkdirSync(folder);
    writeFileSync(join(folder, 'auto-circuit.config.mjs'), 'await new Promise(() => {});\nexport default {};\n');
    const waiting = refusal(['list', 'tasks'], { cwd: folder });
    // as Node says when nothing else is left to do
    const bell = setInterval(() => process.emit('beforeExit', 0), 50);
    try {
      expect(await waiting).toMatchObject({ code: 'plugin-failed', message: expect.stringContaining('never comes') });
    } finally {
      clearInterval(bell);
    }
  });
});
