import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { HOW_TO_GET } from './devices.js';
import { findRuntime, platformPackage, RUNTIME_VERSION } from './load.js';

const manifest = (path: string) =>
  JSON.parse(readFileSync(new URL(`../../../../${path}/package.json`, import.meta.url), 'utf8'));
const own = manifest('packages/backend-onnx');

describe('where the runtime comes from', () => {
  it.each([
    ['linux', 'x64', 'linux-x64'],
    ['linux', 'arm64', 'linux-arm64'],
    ['darwin', 'arm64', 'darwin-arm64'],
    ['win32', 'x64', 'win32'],
    ['win32', 'arm64', 'win32'],
  ])('%s on %s has a package, which this one brings', (platform, arch, suffix) => {
    const name = platformPackage(platform, arch)!;
    expect(name).toBe(`@auto-circuit/onnxruntime-${suffix}`);
    expect(own.optionalDependencies).toHaveProperty(name);
    const { version, publishConfig, scripts } = manifest(`platforms/onnxruntime-${suffix}`);
    expect([version, publishConfig.os]).toEqual([RUNTIME_VERSION, [platform]]);
    if (suffix !== 'win32') expect(publishConfig.cpu).toEqual([arch]);
    // what nobody can reach would make `npm install` fail again
    expect(Object.keys(scripts)).toEqual(['prepack']);
  });

  it.each([
    [RUNTIME_VERSION, true],
    ['1.29.0', false],
  ])('onnxruntime-node %s in the user’s folder is taken: %s', async (version, taken) => {
    const folder = await realpath(await mkdtemp(join(tmpdir(), 'runtime-')));
    const users = join(folder, 'node_modules', 'onnxruntime-node');
    await mkdir(users, { recursive: true });
    await writeFile(join(users, 'package.json'), JSON.stringify({ version, main: 'x.js' }));
    await writeFile(join(users, 'x.js'), '');
    expect(findRuntime(folder).found?.specifier === pathToFileURL(join(users, 'x.js')).href).toBe(taken);
    await rm(folder, { recursive: true });
  });

  it.each([
    ['darwin', 'x64'],
    ['freebsd', 'x64'],
    ['linux', 'riscv64'],
  ])('%s on %s has none', (platform, arch) => {
    expect(platformPackage(platform, arch)).toBeNull();
  });

  it('onnxruntime-node comes first where it is installed, in one version everywhere', () => {
    const { found, ignored } = findRuntime(tmpdir());
    expect([found?.name, ignored]).toEqual(['onnxruntime-node', null]);
    expect(own.peerDependencies).not.toHaveProperty('onnxruntime-node');
    expect(own.devDependencies['onnxruntime-node']).toBe(RUNTIME_VERSION);
    expect(own.dependencies).toEqual({ 'onnxruntime-common': RUNTIME_VERSION, protobufjs: expect.any(String) });
    expect(HOW_TO_GET.cuda).toContain(`onnxruntime-node@${RUNTIME_VERSION}`);
  });
});
