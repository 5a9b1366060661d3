/** @file `auto-circuit doctor`: what this machine has, what is missing, and the command that installs it. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { availableParallelism, cpus, homedir, totalmem } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import type { Cli, CliCommand } from '../context/context.js';
import { packageVersion } from '../context/package-version.js';
import { formatBytes } from '../terminal/numbers.js';

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
      .description('Shows what this machine has (Node.js, backends, devices, caches) and what is missing')
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
      ok: true,
      detail: `${cli.env.HF_ENDPOINT ?? 'https://huggingface.co'}${offline ? ', not used (HF_HUB_OFFLINE)' : ''}`,
    },
    { section, what: 'hub token', ok: true, detail: token },
  ];
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
