import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import ts from 'typescript-5.9';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig, usePlugins } from './config.js';
import { loadPlugin, pluginPackageName } from './load-plugin.js';
import { Registry } from './registry.js';

let counter = 0;
let user: string; // a user's folder with plugins in node_modules

const source = (
  name: string,
  apiVersion = 1,
) => `export default { apiVersion: ${apiVersion}, name: '${name}', contributes: [
  { kind: 'prune-algo', name: '${name.replace(/[@/]/g, '')}-algo', doc: 'scores', options: {}, score: async () => ({ scores: {} }) }] };`;

async function write(path: string, text: string | object): Promise<void> {
  await mkdir(dirname(join(user, path)), { recursive: true });
  await writeFile(join(user, path), typeof text === 'string' ? text : JSON.stringify(text));
}
async function install(name: string, manifest: object, code = source(name)): Promise<void> {
  await write(`node_modules/${name}/package.json`, { name, version: '1.0.0', type: 'module', ...manifest });
  await write(`node_modules/${name}/lib/main.js`, code);
}

beforeAll(async () => {
  user = await realpath(await mkdtemp(join(tmpdir(), 'plugins-')));
  await install('auto-circuit-plugin-string', { exports: './lib/main.js' });
  await install('auto-circuit-plugin-import-only', {
    exports: { '.': { types: './x.d.ts', import: './lib/main.js' } },
  });
  await install('auto-circuit-plugin-main', { main: 'lib/main.js' });
  await install('@lab/auto-circuit-plugin-foo', { exports: { '.': { default: { node: './lib/main.js' } } } });
  await install('auto-circuit-plugin-closed', { exports: { './other': './lib/main.js' } });
  await install('auto-circuit-plugin-unbuilt', { exports: './dist/main.js' });
  await install('auto-circuit-plugin-empty', { exports: './lib/main.js' }, 'export const plugin = 1;');
  await install('auto-circuit-plugin-old', { exports: './lib/main.js' }, source('old', 0));
  await install('auto-circuit-plugin-broken', { exports: './lib/main.js' }, "import 'not-installed-anywhere';");
  await write('mine.mjs', source('mine'));
  await write('mine.ts', 'export default {} as const;');
  await write('sub/deeper/x.txt', '');
});
afterAll(() => rm(user, { recursive: true }));

describe('loadPlugin', () => {
  it('knows the names', () => {
    const names = [
      'foo',
      'auto-circuit-plugin-foo',
      '@a',
      '@a/foo',
      '@a/auto-circuit-plugin-foo',
      '@auto-circuit/executor-x',
    ].map(pluginPackageName);
    const scoped = '@a/auto-circuit-plugin-foo';
    expect(names).toEqual([
      'auto-circuit-plugin-foo',
      'auto-circuit-plugin-foo',
      '@a/auto-circuit-plugin',
      scoped,
      scoped,
      '@auto-circuit/executor-x',
    ]);
  });

  it.each([
    'string',
    'import-only',
    'main',
    '@lab/foo',
    './mine.mjs',
    'mine.mjs',
    './node_modules/auto-circuit-plugin-main',
  ])('loads %s', async (spec) => {
    const plugin = await loadPlugin(spec, user);
    expect(new Registry().use(plugin, spec).list('prune-algo')[0]!.origin).toBe(spec);
  });

  it('loads what a compiler made CommonJS of: the default export lies in exports.default there', async () => {
    const compiled = ts.transpile(source('compiled'), { module: ts.ModuleKind.CommonJS });
    expect(compiled).toContain('exports.default = ');
    await install('auto-circuit-plugin-compiled', { type: 'commonjs', main: 'lib/main.js' }, compiled);
    await write('plain.cjs', source('plain').replace('export default', 'module.exports ='));
    for (const [spec, name] of [
      ['compiled', 'compiled'],
      ['./plain.cjs', 'plain'],
    ] as const)
      expect((await loadPlugin(spec, user)).name).toBe(name);
  });

  it('looks in the folders above the user’s, not in our own', async () => {
    expect((await loadPlugin('string', join(user, 'sub/deeper'))).name).toBe('auto-circuit-plugin-string');
    await expect(loadPlugin('string', tmpdir())).rejects.toThrow(
      `[plugin auto-circuit-plugin-string] the package auto-circuit-plugin-string is not installed in ${tmpdir()}; run: npm install`,
    );
  });

  it.each([
    ['nope', 'plugin-not-found', 'the package auto-circuit-plugin-nope is not installed'],
    ['./nope.mjs', 'plugin-not-found', '[plugin ./nope.mjs] there is no file'],
    ['./sub', 'plugin-not-found', 'is a folder without package.json'],
    ['closed', 'invalid-plugin', 'exports nothing that can be imported'],
    ['unbuilt', 'plugin-not-found', 'dist/main.js is missing, which its package.json names; build the plugin'],
    ['empty', 'invalid-plugin', '[plugin auto-circuit-plugin-empty] the default export is not a plugin'],
    ['old', 'invalid-plugin', 'another version of the plugin API: expected 1 (this auto-circuit), got 0 (the plugin)'],
    ['broken', 'plugin-failed', 'not-installed-anywhere'],
  ])('says what is wrong with %s', async (spec, code, sentence) => {
    const loading = loadPlugin(spec, user);
    await expect(loading).rejects.toMatchObject({ code, fields: { plugin: expect.any(String) } });
    await expect(loading).rejects.toThrow(sentence);
  });
});

describe('the versions of a plugin', () => {
  const usesCore = (name: string) => `import '@auto-circuit/core/plugin';\n${source(name)}`;
  const core = (folder: string, version: string) =>
    write(`${folder}/node_modules/@auto-circuit/core/package.json`, {
      name: '@auto-circuit/core',
      version,
      exports: { './plugin': './plugin.js' },
      type: 'module',
    }).then(() => write(`${folder}/node_modules/@auto-circuit/core/plugin.js`, ''));
  const { version: own } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));

  it('another core than the one that is running is refused, before anything of the plugin is run', async () => {
    const name = 'auto-circuit-plugin-behind';
    await install(name, { exports: './lib/main.js' }, `${usesCore(name)}\nthrow new Error('was run');`);
    await core(`node_modules/${name}`, '0.0.9');
    await expect(loadPlugin('behind', user)).rejects.toMatchObject({
      code: 'invalid-plugin',
      fields: { expected: own, got: '0.0.9' },
    });
  });

  it('are recorded: of a package with the core that it uses, of a file its core alone; a core that is not used does not count', async () => {
    const name = 'auto-circuit-plugin-with-core';
    await install(name, { version: '3.1.4', exports: './lib/main.js' }, usesCore(name));
    await core(`node_modules/${name}`, own);
    await install('auto-circuit-plugin-without', { exports: './lib/main.js' });
    await core('node_modules/auto-circuit-plugin-without', '9.9.9');
    await write('by-itself/mine.mjs', usesCore('by-itself'));
    await write('by-itself/package.json', { name: 'study', version: '7.0.0' });
    await core('by-itself', own);
    const registry = new Registry();
    const plugins = ['with-core', 'without', './by-itself/mine.mjs'];
    await usePlugins(registry, { file: null, plugins, defaults: {} }, [], user);
    expect(Object.fromEntries(registry.list('prune-algo').map(({ plugin, version }) => [plugin, version]))).toEqual({
      [name]: `3.1.4, core ${own}`,
      'auto-circuit-plugin-without': '1.0.0',
      'by-itself': `no version, core ${own}`,
    });
  });
});

describe('loadConfig', () => {
  it('a folder without a config has an empty one; a named file must be there', async () => {
    expect(await loadConfig(user)).toEqual({ file: null, plugins: [], defaults: {} });
    await expect(loadConfig(user, 'no.mjs')).rejects.toMatchObject({
      code: 'file-not-found',
      fields: { path: join(user, 'no.mjs') },
    });
  });

  it.skipIf(process.platform === 'win32')(
    'a device in the place of a config or a plugin is refused, not read for ever',
    async () => {
      const error = { code: 'plugin-failed', fields: { plugin: '/dev/zero' } };
      await expect(loadConfig(user, '/dev/zero')).rejects.toMatchObject(error);
      await expect(loadPlugin('/dev/zero', user)).rejects.toMatchObject(error);
    },
  );

  it('loads plugins by name, path and object, paths from its own folder, then those named by the caller', async () => {
    await write('conf/near.mjs', source('near'));
    await write(
      'conf/auto-circuit.config.mjs',
      `import main from 'auto-circuit-plugin-main';
       export default { plugins: ['string', './near.mjs', main], defaults: { threads: 2, backend: 'onnx' } };`,
    );
    const config = await loadConfig(join(user, 'conf'));
    expect(config.defaults).toEqual({ threads: 2, backend: 'onnx' });
    const registry = new Registry();
    await usePlugins(registry, config, ['./mine.mjs', 'string'], user);
    expect(registry.list('prune-algo').map((entry) => entry.origin)).toEqual([
      'auto-circuit-plugin-main',
      'string',
      './mine.mjs',
      './near.mjs',
    ]);
  });

  it.each([
    ['export default { plugin: [] }', 'unknown-name', { name: 'plugin', nearest: ['plugins'] }],
    ['export default 3', 'invalid-file', {}],
    ['export default { plugins: "x" }', 'invalid-file', { key: 'plugins' }],
    ['export default { plugins: [{}] }', 'invalid-plugin', {}],
    ['export default { defaults: { threads: [1] } }', 'invalid-file', { key: 'defaults.threads' }],
    ['throw new Error("mine")', 'plugin-failed', {}],
  ])('refuses %s', async (text, code, fields) => {
    const file = `bad-${counter++}.mjs`; // a module is loaded once for each name
    await write(file, text);
    await expect(loadConfig(user, file)).rejects.toMatchObject({ code, fields });
  });
});
