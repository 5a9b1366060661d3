/** @file `auto-circuit doctor`: what this machine has, what is missing, and the command that installs it. */
import { existsSync } from 'node:fs';
import { availableParallelism, cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import type { CacheEntry } from '@auto-circuit/models';
import { Command } from 'commander';
import { hubFolders, openCaches } from '../context/cache-places.js';
import type { Cli, CliCommand } from '../context/context.js';
import { packageVersion } from '../context/package-version.js';
import { errorText } from '../terminal/advice.js';
import { countOf, formatBytes } from '../terminal/numbers.js';
import { createProgress } from '../terminal/progress.js';

interface Line {
  readonly section: string;
  readonly what: string;
  readonly ok: boolean;
  /** Whether commands without flags need it: then `doctor` ends with code 1 where it is missing. */
  readonly needed: boolean;
  readonly detail: string;
}

/** What the default backend needs; other backends and devices are choices. */
const NEEDED_PROBES = ['onnxruntime', 'onnx, device cpu'];
const NEEDED_NODE = [20, 19] as const;
/** The exit code when something that is needed is missing. */
const MISSING = 1;

/** `auto-circuit doctor`. */
export const doctorCommand: CliCommand = {
  build: () =>
    new Command('doctor')
      .description('Shows what this machine has (Node.js, backends, devices, caches) and what is missing')
      .addHelpText(
        'after',
        '\nEnds with code 1 if something that every command needs is missing.\n\nExample:\n  $ auto-circuit doctor',
      ),
  async run(cli) {
    const lines = [...machine(), ...(await backends(cli)), ...(await caches(cli)), ...plugins(cli)];
    const { output } = cli;
    const ok = lines.every((line) => line.ok || !line.needed);
    const code = ok ? 0 : MISSING;
    if (output.jsonOnly) {
      output.json({ version: packageVersion(), ok, checks: lines });
      return code;
    }
    const { green, yellow, red, bold } = output.colors;
    output.line(bold(`auto-circuit ${packageVersion()}`));
    for (const [i, { section, what, ok, needed, detail }] of lines.entries()) {
      if (section !== lines[i - 1]?.section) output.line(`\n${bold(section)}`);
      output.line(`  ${ok ? green('✓') : needed ? red('✗') : yellow('–')} ${what}${detail && `: ${detail}`}`);
    }
    return code;
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
    { section, what: 'Node.js', ok: fits, needed: true, detail: node },
    { section, what: 'system', ok: true, needed: false, detail: `${process.platform} ${process.arch}` },
    {
      section,
      what: 'processor',
      ok: true,
      needed: false,
      detail: `${cpus()[0]?.model.trim() ?? 'unknown'}, ${availableParallelism()} threads`,
    },
    { section, what: 'memory', ok: true, needed: false, detail: formatBytes(totalmem()) },
  ];
}

async function backends(cli: Cli): Promise<Line[]> {
  const lines: Line[] = [];
  for (const { item } of (await cli.registry()).list('backend')) {
    for (const probe of await item.probe())
      lines.push({ section: 'backends', needed: NEEDED_PROBES.includes(probe.what), ...probe });
  }
  return lines;
}

/** Where models are kept, by the variables that the Hugging Face tools honour. */
async function caches(cli: Cli): Promise<Line[]> {
  const line = (what: string, detail: string): Line => ({ section: 'models', what, ok: true, needed: false, detail });
  const { home, hub } = hubFolders(cli);
  const entries = await openCaches(cli);
  const offline = ['1', 'true', 'yes', 'on'].includes((cli.env.HF_HUB_OFFLINE ?? '').toLowerCase());
  const address = hubAddress(cli.env.HF_ENDPOINT);
  const token = cli.env.HF_TOKEN
    ? 'set'
    : existsSync(join(home, 'token'))
      ? 'in the Hugging Face folder'
      : 'none; only needed for gated models (HF_TOKEN)';
  const own = entries.filter(({ kind }) => kind !== 'hub');
  const downloads = entries.filter(({ kind }) => kind === 'hub');
  return [
    line('hub cache', `${hub} (${sizeOf(downloads)})`),
    { ...line('hub', `${address.detail}${offline ? ', not used (HF_HUB_OFFLINE)' : ''}`), ok: address.ok },
    line('hub token', token),
    ...(await weightCache(cli, own)),
  ];
}

function sizeOf(entries: readonly CacheEntry[]): string {
  if (entries.length === 0) return 'none yet';
  const bytes = entries.reduce((sum, entry) => sum + entry.bytes, 0);
  return `${countOf(entries.length, 'model')}, ${formatBytes(bytes)}; auto-circuit cache lists them`;
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
async function weightCache(cli: Cli, entries: readonly CacheEntry[]): Promise<Line[]> {
  const { checkWeightCache, defaultCacheDir } = await import('@auto-circuit/models');
  const line = (ok: boolean, detail: string): Line => ({
    section: 'models',
    what: 'converted weights',
    ok,
    needed: false,
    detail,
  });
  const folder = defaultCacheDir(cli.env);
  const bar = createProgress(cli.output, 'converted weights');
  try {
    const { files, damaged, unknown } = await checkWeightCache(folder, (done, total) =>
      bar.report(done, total, 'bytes'),
    );
    const wrong = [...damaged.map((path) => `${path} is damaged`), ...unknown.map((path) => `${path} has no checksum`)];
    const right = files > 0 && wrong.length === 0 ? '; all with the right checksum' : '';
    return [
      line(true, `${folder} (${sizeOf(entries)}${right})`),
      ...wrong.map((what) => line(false, `${what}; the next run writes it again`)),
    ];
  } catch (error) {
    return [line(false, errorText(error))];
  } finally {
    bar.stop();
  }
}

function plugins({ config }: Cli): Line[] {
  if (config.file === null) return [];
  const names = config.plugins.map((plugin) => (typeof plugin === 'string' ? plugin : plugin.name));
  return [
    {
      section: 'config',
      what: config.file,
      ok: true,
      needed: false,
      detail: names.length ? `plugins ${names.join(', ')}` : 'no plugins',
    },
  ];
}
