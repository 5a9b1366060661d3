/** @file Fetching from the hub, against a server in this process: caches, resumed downloads, checks and refusals. */
import { createHash } from 'node:crypto';
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openCheckpoint } from '../checkpoint/hf-folder.js';
import { errorWith } from '../testing/error-matcher.js';
import { type HubSettings, resolveModel } from './resolve-model.js';

const model = fileURLToPath(new URL('../../test-data/attnonly_2l3h/', import.meta.url));
const config = readFileSync(join(model, 'config.json'));
const weights = readFileSync(join(model, 'model.safetensors'));
const COMMIT = 'c0ffee'.padEnd(40, '0');
const hash = (algorithm: string, ...parts: (Buffer | string)[]) =>
  parts.reduce((h, part) => h.update(part), createHash(algorithm)).digest('hex');
const sha256 = hash('sha256', weights);
const gitHash = (content: Buffer) => hash('sha1', `blob ${content.length}\0`, content);

/** A hub on loopback: the API and small files on one port, large files on another, as the real one has them elsewhere. */
interface Loopback {
  readonly endpoint: string;
  readonly log: string[];
  files: Record<string, Buffer>;
  /** Bytes after which the storage drops the connection, for each coming request; none left: whole answers. */
  cuts: number[];
  /** What the storage sends in place of the large file. */
  tampered: Buffer | undefined;
  ignoresRange: boolean;
  token: string | undefined;
  close(): Promise<void>;
}

async function listen(handler: (request: IncomingMessage, response: ServerResponse) => void): Promise<Server> {
  const server = createServer(handler);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}
const origin = (server: Server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

async function startHub(): Promise<Loopback> {
  const log: string[] = [];
  const storage = await listen((request, response) => {
    log.push(
      `storage ${request.method} ${request.headers.range ?? 'all'}${request.headers.authorization ? ' TOKEN' : ''}`,
    );
    const content = hub.tampered ?? hub.files[request.url!.slice(1)]!;
    const from = hub.ignoresRange ? 0 : Number(/^bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
    const body = content.subarray(from);
    response.writeHead(from > 0 ? 206 : 200, {
      'content-length': body.length,
      ...(from > 0 && { 'content-range': `bytes ${from}-${content.length - 1}/${content.length}` }),
    });
    const cut = hub.cuts.shift();
    if (cut === undefined) response.end(body);
    else response.write(body.subarray(0, cut), () => setTimeout(() => response.destroy(), 20));
  });
  const api = await listen((request, response) => {
    const path = new URL(request.url!, 'http://x').pathname;
    log.push(`api ${request.method} ${path}`);
    const send = (status: number, headers: Record<string, string | number>, body: Buffer | string = '') => {
      response.writeHead(status, headers);
      response.end(request.method === 'HEAD' ? '' : body);
    };
    if (!/\/org\/(model|private)\//.test(path)) return send(404, {}, 'Repository not found');
    if (path.includes('/private/') && request.headers.authorization !== `Bearer ${hub.token}`) return send(401, {});
    if (path.startsWith('/api/models/')) {
      if (!/\/revision\/(main|v1)$/.test(path)) return send(404, {}, 'Revision not found');
      const siblings = Object.keys(hub.files).map((rfilename) => ({ rfilename }));
      const info = { _id: '1', id: 'org/model', sha: COMMIT, siblings, lastModified: '2024-01-01T00:00:00.000Z' };
      return send(200, { 'content-type': 'application/json' }, JSON.stringify(info));
    }
    const file = path.slice(path.lastIndexOf('/') + 1);
    const content = hub.files[file];
    if (!content) return send(404, { 'x-error-code': 'EntryNotFound' });
    if (!file.endsWith('.safetensors'))
      return send(200, { etag: `"${gitHash(content)}"`, 'content-length': content.length }, content);
    const etag = `"${hash('sha256', content)}"`;
    const linked = { 'x-linked-etag': etag, 'x-linked-size': content.length, 'x-repo-commit': COMMIT };
    return send(302, { ...linked, location: `${origin(storage)}/${file}` });
  });
  const hub: Loopback = {
    endpoint: origin(api),
    log,
    files: {
      'config.json': config,
      'model.safetensors': weights,
      'pytorch_model.bin': Buffer.from('x'),
      'README.md': Buffer.from('r'),
    },
    cuts: [],
    tampered: undefined,
    ignoresRange: false,
    token: undefined,
    close: async () => {
      for (const server of [api, storage]) {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      }
    },
  };
  return hub;
}

let hub: Loopback;
let cacheDir: string;
beforeEach(async () => {
  for (const name of ['HF_TOKEN', 'HF_HUB_OFFLINE', 'HF_ENDPOINT']) vi.stubEnv(name, '');
  vi.stubEnv('HF_TOKEN_PATH', '/nonexistent/token');
  cacheDir = mkdtempSync(join(tmpdir(), 'hub-cache-'));
  hub = await startHub();
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await hub.close();
  rmSync(cacheDir, { recursive: true });
});
const fetchModel = (settings: HubSettings = {}, name = 'org/model') =>
  resolveModel(name, { cacheDir, endpoint: hub.endpoint, ...settings });
const blobs = () => readdirSync(join(cacheDir, 'models--org--model', 'blobs')).sort();
const storageLog = () => hub.log.filter((line) => line.startsWith('storage'));

describe('resolveModel', () => {
  it('fetches config and weights, and nothing else, into the shared cache layout', async () => {
    const progress: (number | undefined)[][] = [];
    const folder = await fetchModel({ token: 'secret', onProgress: (_, ...bytes) => progress.push(bytes) });
    expect(folder).toBe(join(cacheDir, 'models--org--model', 'snapshots', COMMIT));
    expect(readdirSync(folder).sort()).toEqual(['config.json', 'model.safetensors']);
    expect(readlinkSync(join(folder, 'model.safetensors'))).toBe(join('..', '..', 'blobs', sha256));
    expect(blobs()).toEqual([gitHash(config), sha256].sort());
    expect(readFileSync(join(cacheDir, 'models--org--model', 'refs', 'main'), 'utf8')).toBe(COMMIT);
    expect(readFileSync(join(folder, 'model.safetensors'))).toEqual(weights);
    expect(openCheckpoint(folder).config.model_type).toBe('gpt2');
    expect(progress.at(-1)).toEqual([weights.length, weights.length]);
    expect(storageLog()).toEqual(['storage GET all']); // and without the token
    hub.log.length = 0;
    await fetchModel();
    expect(hub.log).toEqual(['api GET /api/models/org/model/revision/main']);
  });

  it('goes on by itself after a broken connection, with the bytes it has', async () => {
    hub.cuts = [40_000];
    const folder = await fetchModel();
    expect(readFileSync(join(folder, 'model.safetensors'))).toEqual(weights);
    expect(storageLog()).toEqual(['storage GET all', expect.stringMatching(/^storage GET bytes=[1-9]\d*-$/)]);
  });

  it('keeps what came of a download that fails, and goes on from there on the next call', async () => {
    hub.cuts = [40_000, 0];
    await expect(fetchModel()).rejects.toThrow(
      errorWith('download-broken', { file: 'model.safetensors', bytes: expect.any(Number), size: 67368 }),
    );
    expect(blobs()).toContain(`${sha256}.incomplete`);
    hub.log.length = 0;
    const folder = await fetchModel();
    expect(readFileSync(join(folder, 'model.safetensors'))).toEqual(weights);
    expect(storageLog()).toEqual([expect.stringMatching(/^storage GET bytes=[1-9]\d*-$/)]);
    expect(blobs()).toEqual([gitHash(config), sha256].sort());
  });

  it('takes up what a killed process left, and starts again where ranges are ignored', async () => {
    const folder = join(cacheDir, 'models--org--model', 'blobs');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, `${sha256}.999999999-00ff00ff.incomplete`), weights.subarray(0, 1000));
    hub.ignoresRange = true;
    expect(readFileSync(join(await fetchModel(), 'model.safetensors'))).toEqual(weights);
    expect(storageLog()).toEqual(['storage GET bytes=1000-']);
    expect(blobs()).toEqual([gitHash(config), sha256].sort());
  });

  it('removes a file with a wrong checksum', async () => {
    hub.tampered = Buffer.from(weights);
    hub.tampered[5000]! ^= 1;
    const wrong = hash('sha256', hub.tampered);
    await expect(fetchModel()).rejects.toThrow(
      errorWith('download-broken', { file: 'model.safetensors', expected: sha256, got: wrong }),
    );
    expect(blobs()).toEqual([gitHash(config)]);
    hub.tampered = undefined;
    expect(readFileSync(join(await fetchModel(), 'model.safetensors'))).toEqual(weights);
  });

  it('asks for a token where one is needed, and takes HF_TOKEN', async () => {
    hub.token = 'secret';
    await expect(fetchModel({}, 'org/private')).rejects.toThrow(
      /^\[hub\] cannot get org\/private: it does not exist, or is private and no token was given; .*set HF_TOKEN/,
    );
    await expect(fetchModel({ token: 'other' }, 'org/private')).rejects.toThrow(
      errorWith('hub-refused', { status: 401, model: 'org/private' }),
    );
    vi.stubEnv('HF_TOKEN', 'secret');
    expect(readdirSync(await fetchModel({}, 'org/private'))).toContain('model.safetensors');
  });

  it('offline, uses a whole cached copy and asks nobody', async () => {
    vi.stubEnv('HF_HUB_OFFLINE', '1');
    await expect(fetchModel()).rejects.toThrow(
      errorWith('file-not-found', { path: join(cacheDir, 'models--org--model'), model: 'org/model', partly: false }),
    );
    const folder = await fetchModel({ offline: false, revision: 'v1' });
    hub.log.length = 0;
    expect(await fetchModel({ revision: 'v1' })).toBe(folder);
    expect(await fetchModel({ revision: COMMIT })).toBe(folder);
    expect(hub.log).toEqual([]);
    await expect(fetchModel()).rejects.toThrow(errorWith('file-not-found', { model: 'org/model', partly: false }));
    rmSync(join(folder, 'model.safetensors'));
    await expect(fetchModel({ revision: 'v1' })).rejects.toThrow(errorWith('file-not-found', { partly: true }));
  });

  it('uses the cached copy with a warning when the hub cannot be reached, and HF_ENDPOINT for the address', async () => {
    const closed = await startHub();
    await closed.close();
    vi.stubEnv('HF_ENDPOINT', closed.endpoint);
    const warnings: string[] = [];
    const unreachable = () => resolveModel('org/model', { cacheDir, onWarning: (line) => warnings.push(line) });
    await expect(unreachable()).rejects.toThrow(
      errorWith('hub-unreachable', { url: expect.stringContaining(closed.endpoint) }),
    );
    const folder = await fetchModel();
    expect(await unreachable()).toBe(folder);
    expect(warnings).toEqual([expect.stringMatching(/cannot be reached .*; using the cached copy of org\/model$/)]);
  });

  it('fetches the shards that an index names', async () => {
    const index = { weight_map: { a: 'model-1.safetensors', b: 'model-2.safetensors' } };
    hub.files = {
      'config.json': config,
      'model.safetensors.index.json': Buffer.from(JSON.stringify(index)),
      'model-1.safetensors': weights,
      'model-2.safetensors': Buffer.from('other'),
      'model-3.safetensors': Buffer.from('unused'),
    };
    const folder = await fetchModel();
    expect(
      readdirSync(folder)
        .filter((name) => name.endsWith('s'))
        .sort(),
    ).toEqual(['model-1.safetensors', 'model-2.safetensors']);
    expect(lstatSync(join(folder, 'model-2.safetensors')).isSymbolicLink()).toBe(true);
    rmSync(join(folder, 'model-2.safetensors'));
    await expect(fetchModel({ offline: true })).rejects.toThrow(errorWith('file-not-found', { partly: true }));
  });

  it('refuses names, revisions and repositories that it cannot use', async () => {
    await expect(fetchModel({}, 'org/unknown')).rejects.toThrow(
      errorWith('hub-refused', { status: 404, model: 'org/unknown' }),
    );
    await expect(fetchModel({ revision: 'v9' })).rejects.toThrow(
      /cannot get org\/model at revision v9: the hub does not know it/,
    );
    hub.files = { 'config.json': config, 'pytorch_model.bin': Buffer.from('x') };
    await expect(fetchModel()).rejects.toThrow(errorWith('unsupported-format', { model: 'org/model' }));
    for (const name of ['./no/such', '../up', 'a/b/c', 'org/mo..del', '/abs', '']) {
      await expect(fetchModel({}, name)).rejects.toThrow(errorWith('unknown-name', { what: 'model', name }));
    }
    await expect(fetchModel({}, join(model, 'config.json'))).rejects.toThrow(
      errorWith('unsupported-format', { path: join(model, 'config.json') }),
    );
    expect(await fetchModel({}, model)).toBe(model.replace(/\/$/, ''));
  });
});
