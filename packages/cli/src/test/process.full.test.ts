/** @file The built program as a process: how fast it starts, pipes that close early, Ctrl-C. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { createProgram } from '../create-program.js';
import { COMMAND_MODULES } from '../load-commands.js';
import { runMain } from './run-main.js';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const PROMPTS = fileURLToPath(new URL('../../../tasks/data/ioi-mini.json', import.meta.url));

const quiet = { write: () => undefined };

/** The modules that the program loads with these arguments, as paths from the repository. */
function modulesLoaded(args: readonly string[]): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'modules-'));
  const log = join(folder, 'log');
  const asModule = (code: string): string => `data:text/javascript,${encodeURIComponent(code)}`;
  const hooks = asModule(
    `import { appendFileSync } from 'node:fs';
     export async function load(url, context, next) { appendFileSync(${JSON.stringify(log)}, url + '\\n'); return next(url, context); }`,
  );
  const setup = asModule(`import { register } from 'node:module'; register(${JSON.stringify(hooks)});`);
  const { status, stderr } = spawnSync(process.execPath, ['--import', setup, MAIN, ...args], { encoding: 'utf8' });
  expect([status, stderr]).toEqual([0, '']);
  const urls = readFileSync(log, 'utf8').trim().split('\n');
  rmSync(folder, { recursive: true });
  return urls.filter((url) => url.startsWith('file:')).map((url) => url.slice(pathToFileURL(ROOT).href.length));
}

describe('the program', () => {
  it.each([
    [['--help'], null],
    [['list'], 'list'],
    [['list', 'algos', 'eap'], 'list'],
    [['help', 'discover'], 'discover'],
  ])(
    '%j loads no model, no runtime, nothing that reads files, and no command that is not asked for',
    (args, command) => {
      const loaded = modulesLoaded(args);
      expect(loaded).toContain('packages/cli/dist/cli.js');
      const heavy =
        /node_modules\/(?:zod|onnxruntime|@tensorflow|@huggingface)|packages\/(?!cli\/|core\/)|core\/dist\/(?:ir|patch|run|prompts)\//;
      const light = /core\/dist\/(?:patch\/requests\/ablations|prompts\/output-positions)\.js$/; // tables of names
      expect(loaded.filter((path) => heavy.test(path) && !light.test(path))).toEqual([]);
      const commands = Object.keys(COMMAND_MODULES).filter((name) =>
        loaded.includes(`packages/cli/dist/commands/${name}.js`),
      );
      expect(commands).toEqual(command === null ? [] : [command]);
    },
  );

  it('says the same from its catalog as from what is registered', async () => {
    const program = createProgram({
      stdout: quiet,
      stderr: quiet,
      cwd: '.',
      env: {},
      signal: new AbortController().signal,
    });
    program.configureHelp({ helpWidth: 100 });
    const { stdout } = spawnSync(process.execPath, [MAIN, '--help'], { encoding: 'utf8' });
    const commands = program
      .helpInformation()
      .split('\n')
      .filter((line) => line.startsWith('  '));
    for (const line of commands) expect(stdout.split('\n')).toContain(line);
    for (const name of program.commands.map((command) => command.name()))
      expect((await COMMAND_MODULES[name]?.())?.build().name()).toBe(name);
    const listed = spawnSync(process.execPath, [MAIN, 'list', '--json'], { encoding: 'utf8' }).stdout;
    expect(JSON.parse(listed)).toEqual(JSON.parse((await runMain(['list', '--json'])).stdout));
  });

  it.skipIf(process.platform === 'win32')('does not mind a reader that leaves', () => {
    const { status, stdout, stderr } = spawnSync('sh', ['-c', `"${process.execPath}" "${MAIN}" list | head -1`], {
      encoding: 'utf8',
    });
    expect([status, stdout, stderr]).toEqual([0, 'models\n', '']);
  });

  it.skipIf(process.platform !== 'linux')('says it when its output cannot be written', () => {
    const { status, stderr } = spawnSync('sh', ['-c', `"${process.execPath}" "${MAIN}" list > /dev/full`], {
      encoding: 'utf8',
    });
    expect([status, stderr]).toEqual([
      2,
      'error: [auto-circuit] cannot write the output: the disk is full; free some space or choose another folder\n',
    ]);
  });

  it.skipIf(process.platform === 'win32')('Ctrl-C stops after a step with 130', async () => {
    const args = [
      MAIN,
      'logits',
      '--model',
      'ioi-mini',
      '--data',
      PROMPTS,
      '--backend',
      'interpreter',
      '--batch-size',
      '1',
    ];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      const before = stderr.includes('backend ');
      stderr += text;
      if (!before && stderr.includes('backend ')) setTimeout(() => child.kill('SIGINT'), 300); // runs by now
    });
    const code = await new Promise((done) => child.on('close', done));
    expect(stderr).toContain('press Ctrl-C again to quit at once');
    expect(stderr).toMatch(/interrupted: stopped by Ctrl-C\n$/);
    expect(code).toBe(130);
  });
});
