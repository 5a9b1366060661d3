/** @file The command line as a whole: help, mistakes, lists, config defaults, completion. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createProgram } from '../create-program.js';
import { runMain } from './run-main.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cli-'));
});
afterEach(() => rm(folder, { recursive: true }));

describe('help', () => {
  it('without arguments is the help, on stdout', async () => {
    const { code, stdout, stderr } = await runMain([]);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^Usage: auto-circuit/);
    expect(await runMain(['--help'])).toEqual({ code, stdout, stderr });
  });

  it('of every command has an example and says what happens without each flag', async () => {
    const streams = {
      stdout: { write: () => 0 },
      stderr: { write: () => 0 },
      cwd: folder,
      env: {},
      signal: new AbortController().signal,
    };
    for (const command of createProgram(streams).commands) {
      const { code, stdout } = await runMain([command.name(), '--help']);
      expect(code).toBe(0);
      expect(stdout, command.name()).not.toMatch(/\n\n\n/); // an empty heading
      expect(stdout, command.name()).toMatch(/Examples?:\n {2}\$ auto-circuit /);
      for (const { long, description } of command.options) {
        if (long?.endsWith('.OPTION')) continue;
        expect(description, `${command.name()} ${long}`).toMatch(/\(.+\)$|^the opposite of --/);
      }
    }
  });

  it('of discover stands under headings, and shows what it is told the name of, with options and their ranges', async () => {
    const plain = await runMain(['discover', '--help']);
    for (const heading of ['Model and task:', 'Algorithm:', 'Sizes and metrics:', 'Graph:', 'Results:', 'Backend:'])
      expect(plain.stdout).toContain(`\n${heading}\n  --`);
    const { code, stdout } = await runMain(['discover', '--algo', 'eap-ig-inputs', '--metric', 'kl,mse', '-h']);
    expect(code).toBe(0);
    expect(stdout.startsWith(plain.stdout)).toBe(true);
    expect(stdout).toMatch(/\n--algo\.steps +a whole number from 1 +5 +number of inputs between/);
    expect(stdout).toMatch(/\nkl: [\s\S]*\nmse: /);
    const preset = await runMain(['compare', '--algos', 'acdc-mse', '--help']);
    expect(preset.stdout).toMatch(/\nacdc-mse: "MSE ACDC": acdc, [\s\S]*\nacdc: [\s\S]*--algo\.taus/);
  });

  it('about a name that nothing has is its refusal', async () => {
    const { code, stderr } = await runMain(['discover', '--algo', 'eapp', '--help']);
    expect([code, stderr]).toEqual([
      2,
      expect.stringContaining('unknown pruning algorithm "eapp"; did you mean "eap"'),
    ]);
  });

  it('has no colours and the version is the package’s', async () => {
    expect((await runMain(['list', '--help'])).stdout).not.toContain('\u001b');
    expect((await runMain(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

describe('list', () => {
  it('has all that --algo takes: algorithms, and presets such as the known circuit', async () => {
    const written = JSON.parse((await runMain(['list', 'algos', '--json'])).stdout);
    const names = (list: readonly { readonly name: string }[]) => list.map(({ name }) => name);
    expect(names(written.algos)).toContain('exact');
    expect(names(written.presets)).toContain('official-circuit');
    const one = await runMain(['list', 'algos', 'official-circuit']);
    expect([one.code, one.stdout]).toEqual([
      0,
      expect.stringMatching(/known-edges, edges of the task’s known circuit/),
    ]);
  });
});

/** What `--json` writes of an error. */
interface WrittenError {
  readonly error: { readonly code: string; readonly kind: string; readonly message: string };
}

describe('mistakes of the user', () => {
  it.each([
    [
      ['lst'],
      'unknown-name',
      { name: 'lst', nearest: ['list'] },
      '[auto-circuit] unknown command "lst"; did you mean "list"?',
    ],
    [['--quiet'], 'usage', { argument: 'COMMAND' }, '[auto-circuit] no command is named: expected one of discover, '],
    [
      ['help', 'discovr'],
      'unknown-name',
      { name: 'discovr', nearest: ['discover'] },
      '[auto-circuit] unknown command "discovr"; did you mean "discover"?',
    ],
    [['list', '--jsn'], 'unknown-name', { name: '--jsn' }, '[list] unknown flag "--jsn"; did you mean "--json"?'],
    [['list', '--jsn=3'], 'unknown-name', { name: '--jsn' }, '[list] unknown flag "--jsn"; did you mean "--json"?'],
    [['status', 'x', '--follow=1'], 'usage', { option: '--follow' }, '[status] --follow takes no value'],
    [['list', 'algo'], 'unknown-name', { name: 'algo' }, '[list] unknown kind "algo"; did you mean "algos"?'],
    [
      ['list', 'backends', 'onx'],
      'unknown-name',
      { name: 'onx', nearest: ['onnx'] },
      '[list] unknown entry of backends "onx"; did you mean "onnx"?',
    ],
    [
      ['list', 'a', 'b', 'c'],
      'usage',
      { arguments: ['a', 'b', 'c'] },
      '[list] too many arguments: expected 2, got 3 (a b c); see: auto-circuit list --help',
    ],
    [
      ['model'],
      'usage',
      { argument: 'MODEL' },
      '[model] the argument MODEL is missing; see: auto-circuit model --help',
    ],
    [
      ['logits'],
      'missing-option',
      { option: '--model' },
      '[logits] --model is missing; give it, for example: --model ioi-mini',
    ],
    [['logits', '--limit'], 'usage', { option: '--limit' }, '[logits] --limit needs a value: expected --limit <N>'],
    [
      ['logits', '--limit', '2.5'],
      null,
      {},
      '[logits] --limit is not valid: expected a whole number from 1, got "2.5"',
    ],
    [
      ['logits', '--side', 'left'],
      null,
      {},
      '[logits] --side is not valid: expected one of clean, corrupt, got "left"',
    ],
    [['list', '--algo.steps', '5'], 'unknown-name', { name: '--algo.steps' }, '[list] unknown flag "--algo.steps"'],
    [
      ['logits', '--bckend.fuse', 'no'],
      'unknown-name',
      { name: '--bckend.fuse' },
      '[logits] unknown flag "--bckend.fuse"; known: --backend.OPTION',
    ],
    [
      ['list', '--plugin', 'nope'],
      null,
      {},
      '[plugin auto-circuit-plugin-nope] the package auto-circuit-plugin-nope is not installed in',
    ],
    [['list', '--config', 'nope.mjs'], null, {}, '[config] there is no file'],
    [
      ['completion', 'basch'],
      'unknown-name',
      { name: 'basch', nearest: ['bash'] },
      '[completion] unknown shell "basch"; did you mean "bash"?',
    ],
    [['convert', 'nope.json', '--to', 'eap-ig'], null, {}, '[convert] cannot read nope.json: no such file or folder'],
    [
      ['evaluate', 'nope'],
      'file-not-found',
      { path: 'nope' },
      '[evaluate] there is no nope; name a run folder or a circuit file',
    ],
    [
      ['discover', '--task', 'ioi-mini', '--algo', 'eap', '--resume', '--overwrite'],
      'conflicting-options',
      { options: ['--resume', '--overwrite'] },
      '[discover] --resume and --overwrite cannot be used together',
    ],
  ] as const)(
    '%j is one line on stderr, exit code 2, and a document with --json',
    async (args, code, fields, sentence) => {
      const plain = await runMain(args, { cwd: folder });
      expect(plain.stderr).toMatch(/^error: .*\n$/);
      expect(plain.stderr).toContain(sentence);
      expect([plain.code, plain.stdout]).toEqual([2, '']);
      const json = await runMain([...args.slice(0, 1), '--json', ...args.slice(1)], { cwd: folder });
      expect([json.code, json.stderr]).toEqual([2, plain.stderr]);
      const { error } = JSON.parse(json.stdout) as WrittenError;
      expect(`error: ${error.message}\n`).toBe(plain.stderr);
      expect(error.kind).toBe('user');
      if (code !== null) expect(error).toMatchObject({ code, fields });
    },
  );

  it('are documents, too, where the config asks for JSON', async () => {
    await writeFile(join(folder, 'c.mjs'), 'export default { defaults: { json: true } };');
    const { code, stdout } = await runMain(['logits', '--config', 'c.mjs'], { cwd: folder });
    expect([code, JSON.parse(stdout).error]).toEqual([
      2,
      {
        code: 'missing-option',
        kind: 'user',
        where: 'logits',
        message: '[logits] --model is missing; give it, for example: --model ioi-mini',
        what: '--model is missing',
        fix: 'give it, for example: --model ioi-mini',
        fields: { option: '--model' },
      },
    ]);
  });

  it('--debug adds the stack; colours only on a terminal, and not with NO_COLOR', async () => {
    expect((await runMain(['list', 'algo', '--debug'])).stderr).toMatch(/\n\s+at /);
    expect((await runMain(['lst'], { terminal: true })).stderr).toContain('\u001b[31merror:');
    expect((await runMain(['lst'], { terminal: true, env: { NO_COLOR: '1' } })).stderr).not.toContain('\u001b');
  });
});

describe('list', () => {
  it('--json has options, types, defaults and origins, and nothing else is on stdout', async () => {
    const { code, stdout, stderr } = await runMain(['list', '--json']);
    const lists = JSON.parse(stdout);
    expect([code, stderr]).toEqual([0, '']);
    expect(Object.keys(lists)).toEqual([
      'models',
      'architectures',
      'tasks',
      'algos',
      'presets',
      'metrics',
      'objectives',
      'selections',
      'backends',
      'ablations',
      'executors',
    ]);
    const eapIg = lists.algos.find((algo: { name: string }) => algo.name === 'eap-ig-inputs');
    expect(eapIg.from).toBe('@auto-circuit/prune-algos');
    expect(eapIg.options.steps).toMatchObject({ type: 'int', default: 5 });
    expect(lists.ablations).toHaveLength(8); // the seven of AutoCircuit, and optimal
    expect(lists.backends.map((backend: { name: string }) => backend.name)).toEqual(['interpreter', 'onnx', 'tfjs']);
  });

  it('algos has the names of AutoCircuit in a section of their own', async () => {
    const { stdout } = await runMain(['list', 'algos'], { terminal: false });
    expect(stdout).toMatch(/^algos\n.*^ +eap /ms);
    expect(stdout).toMatch(/^presets: .*\n(?:.*\n)+ +tree-probing +"Tree Probing": circuit-probing, /m);
  });

  it('shows a table, and one entry with its options', async () => {
    const { stdout } = await runMain(['list', 'backends']);
    expect(stdout.split('\n')[0]).toMatch(/^name +doc$/);
    expect(stdout).toMatch(/^interpreter +plain and slow/m);
    expect((await runMain(['list', 'backends', 'interpreter'])).stdout).toMatch(
      /^precision +float64 \| float32 +float64 +\S/m,
    );
    expect((await runMain(['list', 'metrics', 'kl'])).stdout).toContain('\nhigher is better: no\n');
  });

  it('--long, one entry and help say formula, use and paper, of what comes with the tool and of plugins', async () => {
    const explained = [
      /^ *formula: score\(u→v\) = Σ \(patch_u − clean_u\) · ∂M\/∂in_v/m,
      /^ *use: Start here/m,
      /^ *paper: Syed, Rager and Conmy 2023, “Attribution Patching[^”]*”,\s+https:\/\/arxiv\.org\/abs\/2310\.10348$/m,
    ];
    for (const args of [
      ['list', 'algos', '--long'],
      ['list', 'algos', 'eap'],
      ['discover', '--algo', 'eap', '--help'],
    ]) {
      const { code, stdout } = await runMain(args);
      expect(code).toBe(0);
      for (const line of explained) expect(stdout).toMatch(line);
    }
    const paper = `{ title: 'On edges', authors: 'A and B', year: 2030, url: 'https://example.org/x' }`;
    const algo = `{ kind: 'prune-algo', name: 'mine', doc: 'd', options: {}, score() {}, formula: 'f = 1', use: 'Never.', papers: [${paper}] }`;
    await writeFile(
      join(folder, 'mine.mjs'),
      `export default { apiVersion: 1, name: 'mine', contributes: [${algo}] };`,
    );
    const { stdout } = await runMain(['list', 'algos', 'mine', '--plugin', './mine.mjs'], { cwd: folder });
    expect(stdout).toContain('formula: f = 1\nuse: Never.\npaper: A and B 2030, “On edges”, https://example.org/x\n');
  });

  it('holds plugins of the config and of --plugin, with their origin', async () => {
    const plugin = (name: string) => `{ apiVersion: 1, name: '${name}', contributes: [
      { kind: 'prune-algo', name: '${name}', doc: 'an algorithm', options: {}, score: async () => ({ scores: {} }) }] }`;
    await writeFile(join(folder, 'mine.mjs'), `export default ${plugin('mine')};`);
    await writeFile(join(folder, 'auto-circuit.config.mjs'), `export default { plugins: [${plugin('inline')}] };`);
    const { stdout } = await runMain(['list', 'algos', '--plugin', './mine.mjs'], { cwd: folder });
    expect(stdout).toMatch(/^ +mine +an algorithm +\.\/mine\.mjs$/m);
    expect(stdout).toMatch(/^ +inline +an algorithm +inline$/m);
    expect(stdout).not.toContain('@auto-circuit/');
    await writeFile(join(folder, 'mine.mjs.twin.mjs'), `export default ${plugin('eap')};`);
    const twice = await runMain(['list', '--plugin', './mine.mjs.twin.mjs'], { cwd: folder });
    expect(twice.stderr).toContain(
      'the pruning algorithm "eap" is contributed by both "@auto-circuit/prune-algos" and "eap" (./mine',
    );
    expect(twice.code).toBe(2);
  });
});

describe('config defaults', () => {
  it('a default that is no flag is refused, with the nearest', async () => {
    await writeFile(join(folder, 'c.mjs'), 'export default { defaults: { thread: 2 } };');
    const { code, stderr } = await runMain(['list', '--config', 'c.mjs'], { cwd: folder });
    expect([code, stderr]).toEqual([2, expect.stringContaining('unknown default "thread"; did you mean "threads"?')]);
  });

  it('serve where the command line says nothing', async () => {
    await writeFile(join(folder, 'c.mjs'), 'export default { defaults: { json: true } };');
    expect(JSON.parse((await runMain(['list', '--config', 'c.mjs'], { cwd: folder })).stdout)).toHaveProperty('algos');
  });
});

describe('doctor and completion', () => {
  it('doctor says what is here', async () => {
    const { code, stdout } = await runMain(['doctor', '--json'], {
      env: { HF_HOME: folder, AUTO_CIRCUIT_CACHE: folder },
    });
    const { ok, checks } = JSON.parse(stdout);
    expect([code, ok]).toEqual([0, true]);
    // what is only a choice may be missing: with `needed` it would have ended with 1
    expect(checks.filter((check: { ok: boolean; needed: boolean }) => !check.ok && check.needed)).toEqual([]);
    expect(checks.map(({ detail }: { detail: string }) => detail).join('\n')).not.toContain('npm run ');
    const named = new Map(checks.map((check: { what: string }) => [check.what, check]));
    expect(named.get('Node.js')).toMatchObject({ ok: true, detail: process.version });
    expect(named.get('onnxruntime')).toMatchObject({ ok: true, section: 'backends' });
    expect(named.get('hub cache')).toMatchObject({ detail: expect.stringContaining(folder) });
  });

  it.each(['bash', 'zsh', 'fish'])('completion for %s names every command', async (shell) => {
    const { stdout } = await runMain(['completion', shell]);
    for (const command of ['list', 'patch', 'logits', 'dataset', 'doctor']) expect(stdout).toContain(command);
    expect(stdout).toContain('all-positions');
    expect(stdout).not.toContain('OPTION');
  });
});
