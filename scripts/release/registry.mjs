/** @file A registry on this machine, on loopback: it holds what is published to it and fetches everything else from the registry that npm uses. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';

const STARTS_WITHIN_MS = 60_000;

/**
 * Starts it in a folder of its own.
 * @returns where it listens; the variables that make npm, pnpm, bun and deno use it, with caches of their own; and how to stop it
 */
export async function startRegistry(folder) {
  mkdirSync(folder, { recursive: true });
  const port = await freePort();
  const url = `http://127.0.0.1:${port}/`;
  const upstream = spawnSync('npm', ['config', 'get', 'registry'], { encoding: 'utf8' }).stdout.trim();
  const ours = { access: '$all', publish: '$all', unpublish: '$all' }; // no proxy: what is published here, or nothing
  const config = {
    storage: join(folder, 'storage'),
    uplinks: { npm: { url: upstream, timeout: '60s', maxage: '60m' } },
    packages: { '@auto-circuit/*': ours, 'create-auto-circuit': ours, '**': { access: '$all', proxy: 'npm' } },
    web: { enable: false },
    max_body_size: '200mb',
    log: { type: 'stdout', format: 'json', level: 'warn' },
  };
  const path = join(folder, 'config.json'); // JSON is YAML too
  writeFileSync(path, JSON.stringify(config));
  const log = join(folder, 'log');
  const bin = join(dirname(createRequire(import.meta.url).resolve('verdaccio/package.json')), 'bin', 'verdaccio');
  const out = openSync(log, 'w');
  const child = spawn(process.execPath, [bin, '--config', path, '--listen', `127.0.0.1:${port}`], {
    stdio: ['ignore', out, out],
  });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const stop = async () => {
    child.kill();
    await ended;
  };
  process.once('exit', () => child.kill());
  for (const began = Date.now(); !(await answers(`${url}-/ping`)); await sleep(200)) {
    if (child.exitCode === null && Date.now() - began < STARTS_WITHIN_MS) continue;
    await stop();
    throw new Error(`the local registry did not start: ${readFileSync(log, 'utf8')}`);
  }
  const npmrc = join(folder, 'npmrc');
  writeFileSync(npmrc, `registry=${url}\n//127.0.0.1:${port}/:_authToken=local\n`);
  const env = {
    npm_config_registry: url,
    npm_config_userconfig: npmrc,
    npm_config_cache: join(folder, 'npm-cache'),
    NPM_CONFIG_REGISTRY: url, // deno
    BUN_CONFIG_REGISTRY: url,
    BUN_INSTALL_CACHE_DIR: join(folder, 'bun-cache'),
    DENO_DIR: join(folder, 'deno-cache'),
  };
  return { url, env, stop };
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const answers = (url) =>
  fetch(url).then(
    (response) => response.ok,
    () => false,
  );

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
