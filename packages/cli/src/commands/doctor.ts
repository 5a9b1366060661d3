/** @file `auto-circuit doctor`: what this machine has, what is missing, and the command that installs it. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { availableParallelism, cpus, homedir, totalmem } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import type { Cli, CliCommand } from '../context/context.js';
import { packageVersion } from '../context/package-version.js';
import { errorText } from '../terminal/advice.js';
import { countOf, formatBytes } from '../terminal/numbers.js';
import { createProgress } from '../terminal/progress.js';

interface Line {
  readonly section: string;
  readonly what: string;
  readonly ok: boolean;
  readonly detail: string;
}

const NEEDED_NODE = [20, 19] as const;

/** `auto-circuit doctor`. */
export const doctorCommand: CliCommand = {
  build: () =>
    new Command('doctor')
      .description('What this machine has: Node.js, backends, devices, caches; and what is missing')
      .addHelpText('after', '\nExample:\n  $ auto-circuit doctor'),
  async run(cli) {
    const lines = [...machine(), ...(await backends(cli)), ...(await caches(cli)), ...plugins(cli)];
    const { output } = cli;
    if (output.jsonOnly) {
      output.json({ version: packageVersion(), ok: lines.every(({ ok }) => ok), checks: lines });
      return;
    }
    const { green, yellow, bold } = output.colors;
    output.line(bold(`auto-circuit ${packageVersion()}`));
    for (const [i, { section, what, ok, detail }] of lines.entries()) {
      if (section !== lines[i - 1]?.section) output.line(`\n${bold(section)}`);
      output.line(`  ${ok ? green('✓') : yellow('–')} ${what}${detail && `: ${detail}`}`);
    }
  },
};

function machine(): Line[] {
  const section = 'machine';
  const [major, minor] = process.versions.node.split('.').map(Number) as [number, number];
  const fits = major > NEEDED_NODE[0] || (major === NEEDED_NODE[0] && minor >= NEEDED_NODE[1]);
  const node = fits
    ? process.version
    : `${process.version}, but ${NEEDED_NODE.join('.')} or later is needed; see https://nodejs.org`;
  return [
    { section, what: 'Node.js', ok: fits, detail: node },
    { section, what: 'system', ok: true, detail: `${process.platform} ${process.arch}` },
    {
      section,
      what: 'processor',
      ok: true,
      detail: `${cpus()[0]?.model.trim() ?? 'unknown'}, ${availableParallelism()} threads`,
    },
    { section, what: 'memory', ok: true, detail: formatBytes(totalmem()) },
  ];
}

async function backends(cli: Cli): Promise<Line[]> {
  const lines: Line[] = [];
  for (const { item } of (await cli.registry()).list('backend')) {
    for (const probe of await item.probe()) lines.push({ section: 'backends', ...probe });
  }
  return lines;
}

/** Where models are kept, by the variables that the Hugging Face tools honour. */
async function caches(cli: Cli): Promise<Line[]> {
  const section = 'models';
  const home = cli.env.HF_HOME ?? join(cli.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'huggingface');
  const hub = cli.env.HF_HUB_CACHE ?? join(home, 'hub');
  const offline = ['1', 'true', 'yes', 'on'].includes((cli.env.HF_HUB_OFFLINE ?? '').toLowerCase());
  const address = hubAddress(cli.env.HF_ENDPOINT);
  const token = cli.env.HF_TOKEN
    ? 'set'
    : existsSync(join(home, 'token'))
      ? 'in the Hugging Face folder'
      : 'none; only needed for gated models (HF_TOKEN)';
  return [
    { section, what: 'hub cache', ok: true, detail: cacheDetail(hub) },
    {
      section,
      what: 'hub',
      ok: address.ok,
      detail: `${address.detail}${offline ? ', not used (HF_HUB_OFFLINE)' : ''}`,
    },
    { section, what: 'hub token', ok: true, detail: token },
    ...(await weightCache(cli)),
  ];
}

/** The hub's address. What is no plain address may hold a password, and is not shown. */
function hubAddress(endpoint = ''): Pick<Line, 'ok' | 'detail'> {
  if (endpoint === '') return { ok: true, detail: 'https://huggingface.co' };
  const url = URL.canParse(endpoint) ? new URL(endpoint) : null;
  if (!url || !/^https?:$/.test(url.protocol)) return { ok: false, detail: 'HF_ENDPOINT is no address' };
  const plain = `${url.origin}${url.pathname}`.replace(/\/+$/, '');
  if (!url.username && !url.password && !url.search && !url.hash) return { ok: true, detail: plain };
  return { ok: false, detail: `${plain}, but HF_ENDPOINT holds more than an address, which is refused; use HF_TOKEN` };
}

/** Every cached file is read whole and compared with its checksum, which runs do only where its times have changed. */
async function weightCache(cli: Cli): Promise<Line[]> {
  const { checkWeightCache, defaultCacheDir } = await import('@auto-circuit/models');
  const [section, what] = ['models', 'weight cache'];
  const folder = defaultCacheDir(cli.env);
  const bar = createProgress(cli.output, 'weight cache');
  try {
    const { files, bytes, damaged, unknown } = await checkWeightCache(folder, (done, total) =>
      bar.report(done, total, 'bytes'),
    );
    const found = files === 0 ? 'none yet' : `${countOf(files, 'file')}, ${formatBytes(bytes)}`;
    const wrong = [...damaged.map((path) => `${path} is damaged`), ...unknown.map((path) => `${path} has no checksum`)];
    const lines = wrong.map((detail) => ({
      section,
      what,
      ok: false,
      detail: `${detail}; the next run writes it again`,
    }));
    const right = files > 0 && lines.length === 0 ? ', all with the right checksum' : '';
    return [{ section, what, ok: true, detail: `${folder} (${found}${right})` }, ...lines];
  } catch (error) {
    return [{ section, what, ok: false, detail: errorText(error) }];
  } finally {
    bar.stop();
  }
}

function cacheDetail(folder: string): string {
  if (!existsSync(folder) || !statSync(folder).isDirectory()) return `${folder} (none yet)`;
  const models = readdirSync(folder).filter((name) => name.startsWith('models--'));
  return `${folder} (${models.length === 1 ? '1 model' : `${models.length} models`})`;
}

function plugins({ config }: Cli): Line[] {
  if (config.file === null) return [];
  const names = config.plugins.map((plugin) => (typeof plugin === 'string' ? plugin : plugin.name));
  return [
    {
      section: 'config',
      what: config.file,
      ok: true,
      detail: names.length ? `plugins ${names.join(', ')}` : 'no plugins',
    },
  ];
}
