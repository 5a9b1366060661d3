/** @file A hub that is busy, broken, slow, endless, or somebody else: the token stays home, and every end is a sentence. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { errorWith } from '../testing/error-matcher.js';
import { COMMIT, gitHash, type MadeHub, makeHub } from '../testing/made-hub.js';
import { request } from './connection.js';
import { type HubSettings, resolveModel } from './resolve-model.js';

const model = fileURLToPath(new URL('../../test-data/attnonly_2l3h/', import.meta.url));
const files = () => ({
  'config.json': readFileSync(join(model, 'config.json')),
  'model.safetensors': readFileSync(join(model, 'model.safetensors')),
});

let hub: MadeHub;
let cacheDir: string;
let warnings: string[];
beforeEach(async () => {
  hub = await makeHub(files());
  cacheDir = mkdtempSync(join(tmpdir(), 'hostile-hub-'));
  warnings = [];
  vi.stubEnv('HF_HUB_OFFLINE', '');
  vi.stubEnv('HF_TOKEN', '');
  vi.stubEnv('HF_TOKEN_PATH', join(cacheDir, 'token'));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await hub.close();
  rmSync(cacheDir, { recursive: true });
});
const fetchModel = (settings: HubSettings = {}) =>
  resolveModel('org/model', {
    ...{ cacheDir, endpoint: hub.endpoint, retryMs: 1, patienceMs: 5000, onWarning: (line) => warnings.push(line) },
    ...settings,
  });
const blobs = () => {
  const folder = join(cacheDir, 'models--org--model', 'blobs');
  return existsSync(folder) ? readdirSync(folder) : [];
};
const tokensElsewhere = () => hub.log.filter((line) => line.startsWith('other') && line.endsWith('TOKEN'));

describe('redirects', () => {
  /** Forms of `Location`, for the host of another origin. */
  const forms: Record<string, (host: string) => string> = {
    'a whole address': (host) => `http://${host}/x`,
    'without a scheme': (host) => `//${host}/x`,
    'slash and backslash': (host) => `/\\${host}/x`,
    'two backslashes': (host) => `\\\\${host}/x`,
    'three slashes': (host) => `///${host}/x`,
    'a tab inside': (host) => `/\t/${host}/x`,
    'another scheme’s slashes': (host) => `http:\\\\${host}\\x`,
    'a user name': (host) => `http://127.0.0.1@${host}/x`,
    'upper case': (host) => `HTTP://${host}/x`,
  };

  it('a request to another origin has no token, whoever asks for it', async () => {
    const nobody = (): void => undefined;
    const connection = {
      ...{ endpoint: hub.endpoint, token: 'hf_secret', repo: 'org/model', signal: undefined },
      ...{ patienceMs: 5000, retryMs: 1, onProgress: nobody, onWarning: nobody },
    };
    await request(connection, `${hub.endpoint}/api/models/org/model/revision/main`);
    await request(connection, `${hub.other}/x`).catch(nobody);
    expect(hub.log.filter((line) => line.endsWith('TOKEN'))).toHaveLength(1);
    expect(hub.log.some((line) => line.startsWith('other'))).toBe(true);
    expect(tokensElsewhere()).toEqual([]);
  });

  it.each(Object.entries(forms))('%s: the token is not sent elsewhere, by whichever request', async (_, form) => {
    const host = new URL(hub.other).host;
    for (const kind of ['list', 'head', 'get'] as const) {
      for (const status of [301, 302, 303, 307, 308]) {
        Object.assign(hub, hub.whole);
        hub[kind] = (request, response) => {
          const config = request.url!.endsWith('config.json') && { etag: `"${gitHash(hub.files['config.json']!)}"` };
          response.writeHead(status, { ...config, location: form(host) }).end();
        };
        await fetchModel({ token: 'hf_secret' }).catch(() => undefined);
        rmSync(join(cacheDir, 'models--org--model'), { recursive: true, force: true });
      }
    }
    expect(tokensElsewhere()).toEqual([]);
    expect(hub.log.some((line) => line.endsWith('TOKEN'))).toBe(true);
  });

  it.each(['path', 'address'])('a renamed repository is followed, by %s, with the token', async (form) => {
    hub.head = (request, response) => {
      if (request.url!.startsWith('/new/')) return hub.whole.head(request, response);
      const path = request.url!.replace('/org/', '/new/');
      response.writeHead(307, { location: form === 'path' ? path : `${hub.endpoint}${path}` }).end();
    };
    expect(readdirSync(await fetchModel({ token: 'hf_secret' }))).toContain('model.safetensors');
    expect(hub.log.filter((line) => line.includes('/new/')).every((line) => line.endsWith('TOKEN'))).toBe(true);
  });

  it('that never end are refused', async () => {
    hub.head = (request, response) => void response.writeHead(307, { location: request.url! }).end();
    await expect(fetchModel()).rejects.toThrow(errorWith('hub-refused', { model: 'org/model' }));
  });
});

describe('a busy hub', () => {
  it.each([
    [429, '0'],
    [503, new Date(Date.now() - 1000).toUTCString()],
    [502, ''],
    [500, 'soon'],
  ])('%d is asked again, which is said', async (status, after) => {
    let left = 2;
    hub.get = (request, response) => {
      if (left-- <= 0) return hub.whole.get(request, response);
      response.writeHead(status, after === '' ? {} : { 'retry-after': after }).end();
    };
    expect(readdirSync(await fetchModel())).toContain('model.safetensors');
    expect(warnings).toHaveLength(2);
    expect(warnings[0]).toMatch(new RegExp(`^\\[hub\\] http.* answers with status ${status} .*; trying again$`));
  });

  it('waits as long as it is asked to', async () => {
    let first = true;
    hub.list = (request, response) => {
      if (!first) return hub.whole.list(request, response);
      first = false;
      response.writeHead(429, { 'retry-after': '1' }).end();
    };
    const started = performance.now();
    await fetchModel();
    expect(performance.now() - started).toBeGreaterThan(990);
    expect(warnings).toEqual([expect.stringMatching(/status 429 \(too many requests\); trying again in 1 s$/)]);
  });

  it('that stays so, or asks for an hour, is refused; a cached copy serves', async () => {
    hub.list = (_, response) => void response.writeHead(429).end();
    await expect(fetchModel()).rejects.toThrow(errorWith('hub-busy', { status: 429 }));
    expect(hub.log).toHaveLength(5);
    hub.list = (_, response) => void response.writeHead(503, { 'retry-after': '3600' }).end();
    await expect(fetchModel()).rejects.toThrow(errorWith('hub-busy', { status: 503, retryAfter: 3600 }));
    hub.list = hub.whole.list;
    const folder = await fetchModel();
    hub.list = (_, response) => void response.writeHead(503, { 'retry-after': '3600' }).end();
    expect(await fetchModel()).toBe(folder);
    expect(warnings.at(-1)).toMatch(/out of order.*using the cached copy of org\/model$/);
  });
});

/** Writes without end, as fast as it is read. */
const endless = (response: ServerResponse, text: string): void => {
  const chunk = Buffer.from(text.padEnd(65_536, text));
  const more = (): void => {
    while (!response.destroyed && response.write(chunk));
    if (!response.destroyed) response.once('drain', more);
  };
  more();
};

describe('answers without end', () => {
  it('a file longer than promised is broken off and not kept', async () => {
    hub.get = (request, response) => {
      if (!request.url!.endsWith('safetensors')) return hub.whole.get(request, response);
      response.writeHead(200);
      endless(response, 'x');
    };
    const size = hub.files['model.safetensors']!.length;
    await expect(fetchModel()).rejects.toThrow(errorWith('download-broken', { file: 'model.safetensors', size }));
    expect(blobs()).toEqual([gitHash(hub.files['config.json']!)]);
  });

  it('a small file that is said to be huge is refused before it is asked for', async () => {
    hub.head = (_, response) => {
      response.writeHead(200, { etag: '"abc"', 'content-length': 2 ** 40 }).end();
    };
    await expect(fetchModel()).rejects.toThrow(errorWith('download-broken', { file: 'config.json' }));
    expect(hub.log.some((line) => line.includes('GET /org/'))).toBe(false);
  });

  it('weights larger than the disk are refused before they are written', async () => {
    hub.head = (request, response) => {
      if (request.url!.endsWith('config.json')) return hub.whole.head(request, response);
      response.writeHead(200, { etag: '"abc"', 'content-length': 2 ** 50 }).end();
    };
    await expect(fetchModel()).rejects.toThrow(errorWith('disk-full', { bytes: 2 ** 50 }));
    expect(blobs().every((name) => statSync(join(cacheDir, 'models--org--model', 'blobs', name)).size < 4000)).toBe(
      true,
    );
  });

  it('a list without end, or one that comes too slowly', async () => {
    hub.list = (_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      endless(response, '{"siblings":[],');
    };
    await expect(fetchModel()).rejects.toThrow(errorWith('hub-refused', { model: 'org/model' }));
    hub.list = (_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      const drip = setInterval(() => (response.destroyed ? clearInterval(drip) : response.write(' ')), 20);
    };
    await expect(fetchModel({ patienceMs: 200 })).rejects.toThrow(/the list of files did not end in 0\.2 s/);
  });

  it('a hub that accepts and is silent, and a file that drips', async () => {
    hub.list = () => undefined;
    await expect(fetchModel({ patienceMs: 100 })).rejects.toThrow(
      errorWith('hub-unreachable', { url: expect.any(String) }),
    );
    hub.list = hub.whole.list;
    hub.get = (request, response) => {
      if (!request.url!.endsWith('safetensors')) return hub.whole.get(request, response);
      response.writeHead(200);
      const drip = setInterval(() => (response.destroyed ? clearInterval(drip) : response.write('x')), 20);
    };
    await expect(fetchModel({ patienceMs: 500 })).rejects.toThrow(
      errorWith('download-broken', { file: 'model.safetensors' }),
    );
  });
});

describe('somebody else’s answers', () => {
  it.each<[string, string, string]>([
    ['the page of a captive portal', 'text/html', '<!DOCTYPE html><html><body>Log in</body></html>'],
    ['siblings that are nothing', 'application/json', JSON.stringify({ id: 'a', sha: COMMIT, siblings: [null] })],
    ['siblings without names', 'application/json', JSON.stringify({ id: 'a', sha: COMMIT, siblings: [{}] })],
    ['no siblings', 'application/json', JSON.stringify({ id: 'a', sha: COMMIT })],
    ['a commit that is a path', 'application/json', JSON.stringify({ id: 'a', sha: '../../x', siblings: [] })],
    ['a list', 'application/json', '[]'],
    ['nothing', 'application/json', ''],
    ['half of it', 'application/json', '{"siblings":[{"rfil'],
  ])('%s in place of the list of files', async (_, type, body) => {
    hub.list = (_request, response) => void response.writeHead(200, { 'content-type': type }).end(body);
    await expect(fetchModel()).rejects.toThrow(errorWith('hub-refused', { model: 'org/model', status: 200 }));
  });

  it('a redirect to a login page on another host', async () => {
    hub.list = (_, response) => void response.writeHead(302, { location: `${hub.other}/login` }).end();
    hub.elsewhere = (_, response) => void response.writeHead(200, { 'content-type': 'text/html' }).end('<html>');
    await expect(fetchModel({ token: 'hf_secret' })).rejects.toThrow(/does not answer as the hub does.*a web page/);
    expect(tokensElsewhere()).toEqual([]);
  });
});

describe('secrets', () => {
  const said = async (work: Promise<unknown>): Promise<string> =>
    work.then(
      () => 'nothing was refused',
      (error: Error & { fields?: unknown }) =>
        `${error.message} ${JSON.stringify(error.fields)} ${error.stack} ${String(error.cause)}`,
    );

  it('a token file of two lines, and a token that no header takes, are refused without their text', async () => {
    writeFileSync(join(cacheDir, 'token'), 'hf_first\nhf_second\n');
    const text = await said(fetchModel());
    expect(text).toMatch(/\[hub\] .*token holds no token: expected one line .*got several words or lines/);
    expect(text).not.toMatch(/hf_first|hf_second/);
    vi.stubEnv('HF_TOKEN', 'hf_sécret');
    expect(await said(fetchModel())).toMatch(/HF_TOKEN holds no token/);
    expect(await said(fetchModel())).not.toContain('cret');
    expect(await said(fetchModel({ token: 'hf_a\r\nhost: b' }))).not.toContain('hf_a');
  });

  it.each(['http://name:pass-word@127.0.0.1:1', 'https://127.0.0.1:1/?key=pass-word', 'pass-word', 'pass-word://x'])(
    'the address %s is refused without its text',
    async (endpoint) => {
      vi.stubEnv('HF_ENDPOINT', endpoint);
      const text = await said(resolveModel('org/model', { cacheDir }));
      expect(text).toContain('[hub] HF_ENDPOINT');
      expect(text).not.toContain('pass-word');
    },
  );
});

describe('a cache that cannot be written', () => {
  it('serves while it is whole', async () => {
    const folder = await fetchModel();
    const before = statSync(join(cacheDir, 'models--org--model', 'refs', 'main')).mtimeMs;
    expect(await fetchModel()).toBe(folder);
    expect(statSync(join(cacheDir, 'models--org--model', 'refs', 'main')).mtimeMs).toBe(before);
  });

  it.runIf(existsSync('/proc'))('is said to be one, and not to be missing', async () => {
    await expect(fetchModel({ cacheDir: '/proc/hub' })).rejects.toThrow(/cannot make the folder \/proc\/hub/);
  });
});
