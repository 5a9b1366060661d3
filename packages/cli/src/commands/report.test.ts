/** @file `report` and `view`. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { main } from '../cli.js';

const plugin = fileURLToPath(new URL('../../test-data/micro-task.mjs', import.meta.url));

let cwd: string;
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'report-command-'));
});
afterEach(() => rm(cwd, { recursive: true }));

function begin(command: string, controller = new AbortController()) {
  const text = { out: '', err: '' };
  const code = main([...command.split(' '), '--plugin', plugin], {
    stdout: { write: (chunk) => (text.out += chunk) },
    stderr: { write: (chunk) => (text.err += chunk) },
    cwd,
    env: {},
    signal: controller.signal,
  });
  return { code, text, stop: () => controller.abort() };
}
const DISCOVER = 'discover --task micro --algo eap --backend interpreter --quiet --out r';

/** GET with a Host header of choice, which fetch does not allow. */
function get(url: string, host?: string, path = '/'): Promise<{ status: number | undefined; body: string }> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url);
    const asked = request({ hostname, port, path, headers: host ? { host } : {} }, (response) => {
      let body = '';
      response.on('data', (chunk) => (body += chunk));
      response.on('end', () => resolve({ status: response.statusCode, body }));
    });
    asked.on('error', reject).end();
  });
}

describe('report', () => {
  it('makes the report that discover made, from the files alone', async () => {
    expect(await begin(DISCOVER).code).toBe(0);
    const { code, text } = begin('report r --out again.html');
    expect(await code).toBe(0);
    expect(text.out).toMatch(/^again.html {2}\d+(\.\d)? KiB\n$/);
    expect(await readFile(join(cwd, 'again.html'), 'utf8')).toBe(await readFile(join(cwd, 'r', 'report.html'), 'utf8'));
    const none = begin('report nowhere');
    expect(await none.code).toBe(2);
    expect(none.text.err).toMatch(/nowhere is not a run folder/);
  });
});

describe('reports', () => {
  it('say areas, and how well scores find a known circuit or why nothing is said', async () => {
    expect(await begin(DISCOVER).code).toBe(0);
    const html = await readFile(join(cwd, 'r', 'report.html'), 'utf8');
    expect(html).toMatch(
      /Area under each curve over log<sub>10<\/sub> of the number of edges, from \d+ to \d+: faithfulness/,
    );
    expect(html).toMatch(/straight: what the input gives to the output \(1 edge\)\. Area under the curve: [\d.]+,/);
    expect(html).toContain('No ROC against the known circuit elsewhere: ');
  });

  it('of several runs stand side by side, with links to those that are there', async () => {
    expect(await begin(DISCOVER).code).toBe(0);
    expect(await begin(`${DISCOVER.replace('--out r', '--out s')} --seed 1`).code).toBe(0);
    expect(await begin(DISCOVER.replace('--algo eap', '--algo random').replace('--out r', '--out t')).code).toBe(0);
    await rm(join(cwd, 't', 'report.html'));
    const { code, text } = begin('report r s t');
    expect(await code).toBe(0);
    expect(text.out).toMatch(/^comparison.html {2}/);
    const html = await readFile(join(cwd, 'comparison.html'), 'utf8');
    expect(html).toContain('3 runs · 1 task · 2 algorithms · 2 seeds');
    expect(html).toContain('<a href="s/report.html">eap, seed 1</a>');
    expect(html).toContain('<td>random, seed 0</td>');
    expect(html).toContain('ROC against straight: eap has area');
    // The scores of a run overlap wholly with themselves.
    expect(html).toContain('random, seed 0 and random, seed 0: 1.00');
  });
});

describe('view', () => {
  it('serves the report on loopback to nobody but this machine, until Ctrl-C', async () => {
    await begin(DISCOVER).code;
    const { code, text, stop } = begin('view r --no-open');
    while (!text.out.includes('http')) await new Promise((resolve) => setTimeout(resolve, 10));
    const url = /http:\S+/.exec(text.out)![0];
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/$/);
    expect(await get(url)).toEqual({ status: 200, body: await readFile(join(cwd, 'r', 'report.html'), 'utf8') });
    expect((await get(url)).body).toContain("default-src 'none'");
    expect((await get(url, 'evil.example')).status).toBe(403);
    expect((await get(url, undefined, '/../run.json')).status).toBe(404);
    stop();
    expect(await code).toBe(0);
    await expect(get(url)).rejects.toThrow();
  });

  it('serves several runs as one page', async () => {
    await begin(DISCOVER).code;
    await begin(`${DISCOVER.replace('--out r', '--out s')} --seed 1`).code;
    const { code, text, stop } = begin('view r s --no-open');
    while (!text.out.includes('http')) await new Promise((resolve) => setTimeout(resolve, 10));
    const { body } = await get(/http:\S+/.exec(text.out)![0]);
    expect(body).toContain('2 runs · 1 task · 1 algorithm · 2 seeds');
    expect(body).not.toContain('<a href'); // the runs' own reports are not served
    stop();
    expect(await code).toBe(0);
  });
});
