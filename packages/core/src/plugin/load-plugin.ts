/**
 * @file Loads plugins by name from the user's folder: `foo` → `auto-circuit-plugin-foo`, `@a/foo` →
 * `@a/auto-circuit-plugin-foo`, a path → that file. Never from the folder where the tool itself is installed.
 */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, extname, isAbsolute, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { AutoCircuitError } from '../errors/error.js';
import { checkPlugin } from './check-plugin.js';
import type { Plugin } from './contributions.js';
import { type PluginVersions, pluginVersions } from './plugin-version.js';

const PREFIX = 'auto-circuit-plugin';
/** Packages of this project that are installed by who needs them have names of their own. */
const OWN_SCOPE = '@auto-circuit/';

/** `foo` → `auto-circuit-plugin-foo`; `@a` → `@a/auto-circuit-plugin`; `@a/foo` → `@a/auto-circuit-plugin-foo`; full names and those of `@auto-circuit/` stay. */
export function pluginPackageName(spec: string): string {
  if (spec.startsWith(OWN_SCOPE)) return spec;
  const [, scope, scoped] = /^(@[^/]+)(?:\/(.+))?$/.exec(spec) ?? [];
  const base = scope ? scoped : spec;
  const full = !base ? PREFIX : base === PREFIX || base.startsWith(`${PREFIX}-`) ? base : `${PREFIX}-${base}`;
  return scope ? `${scope}/${full}` : full;
}

/** Whether a spec is a path (`./x.mjs`, `/x/y.mjs`, `C:\x`, `x.mjs`) and no package name. */
export function isPluginPath(spec: string): boolean {
  return /^\.{1,2}([\\/]|$)/.test(spec) || isAbsolute(spec) || /\.[cm]?[jt]s$/.test(spec);
}

/**
 * Loads a plugin: its default export, checked.
 * @param spec a name or a path.
 * @param cwd the user's folder: packages are looked for from here upwards, paths start here.
 * @throws AutoCircuitError when it is not installed, cannot be loaded, or is no plugin for this version.
 */
export async function loadPlugin(spec: string, cwd: string): Promise<Plugin> {
  return (await findPlugin(spec, cwd)).plugin;
}

/** A plugin with where it comes from. */
export interface FoundPlugin {
  readonly plugin: Plugin;
  /** The file that it was loaded from. */
  readonly file: string;
  readonly versions: PluginVersions;
}

/** The same, with the file that it was loaded from and its versions. */
export async function findPlugin(spec: string, cwd: string): Promise<FoundPlugin> {
  const path = isPluginPath(spec);
  const name = path ? resolve(cwd, spec) : pluginPackageName(spec);
  const where = `plugin ${path ? spec : name}`;
  const file = path ? moduleFile(name, where) : resolvePackage(name, cwd, where);
  refuseEndless(file, where);
  const versions = await pluginVersions(file, !path || statSync(name).isDirectory(), where);
  const module = await importFile(file, where);
  return { plugin: checkPlugin(module.default, where), file, versions };
}

/** Imports a file of the user's. @throws AutoCircuitError with the reason, when the module itself fails. */
export async function importFile(file: string, where: string): Promise<Readonly<Record<string, unknown>>> {
  refuseEndless(file, where);
  try {
    const module = (await settled(import(pathToFileURL(file).href), file, where)) as Record<string, unknown>;
    return { ...module, default: defaultExport(module) };
  } catch (cause) {
    if (cause instanceof AutoCircuitError) throw cause;
    const reason = cause instanceof Error ? cause.message.split('\n')[0]! : String(cause);
    const typescript =
      /\.[cm]?ts$/.test(extname(file)) && (cause as NodeJS.ErrnoException).code === 'ERR_UNKNOWN_FILE_EXTENSION';
    throw new AutoCircuitError({
      code: 'plugin-failed',
      fields: { plugin: file },
      where,
      what: `cannot load ${file}: ${reason}`,
      fix: typescript
        ? 'this Node.js does not read TypeScript: compile it to .js first'
        : 'it failed in its own code, whose stack is in the cause',
      cause,
    });
  }
}

/** Node reads a device such as /dev/zero until the memory is full. @throws AutoCircuitError for what is neither file nor folder */
function refuseEndless(file: string, where: string): void {
  const found = statSync(file, { throwIfNoEntry: false });
  if (!found || found.isFile() || found.isDirectory()) return;
  throw new AutoCircuitError({
    code: 'plugin-failed',
    fields: { plugin: file },
    where,
    what: `${file} is no file`,
    expected: 'a module of JavaScript',
  });
}

/**
 * What a module exports as its default. A CommonJS file that a compiler made of `export default` has it one level deeper: there
 * `import` gives all of its `exports` as the default.
 */
function defaultExport(module: Readonly<Record<string, unknown>>): unknown {
  const outer = module.default;
  const compiled = typeof outer === 'object' && outer !== null && '__esModule' in outer && 'default' in outer;
  return compiled ? outer.default : outer;
}

/** A module that awaits at its top level what never comes would end the process in silence once nothing else is left to do. */
async function settled<T>(module: Promise<T>, file: string, where: string): Promise<T> {
  let onEmpty = (): void => undefined;
  const nothingLeft = new Promise<never>((_, reject) => {
    onEmpty = () =>
      reject(
        new AutoCircuitError({
          code: 'plugin-failed',
          fields: { plugin: file },
          where,
          what: `cannot load ${file}: it waits at its top level for something that never comes`,
          fix: 'await only what settles, or do it when the contribution is first used',
        }),
      );
  });
  process.once('beforeExit', onEmpty);
  try {
    return await Promise.race([module, nothingLeft]);
  } finally {
    process.off('beforeExit', onEmpty);
  }
}

/** The file of a path: itself, or the entry of the package folder that it names. */
function moduleFile(path: string, where: string): string {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat)
    throw new AutoCircuitError({
      code: 'plugin-not-found',
      fields: { plugin: path },
      where,
      what: `there is no file ${path}`,
      fix: 'check the path',
    });
  if (!stat.isDirectory()) return path;
  if (!existsSync(join(path, 'package.json'))) {
    throw new AutoCircuitError({
      code: 'plugin-not-found',
      fields: { plugin: path },
      where,
      what: `${path} is a folder without package.json`,
      fix: 'name the plugin’s file',
    });
  }
  return packageEntry(path, where);
}

function resolvePackage(name: string, cwd: string, where: string): string {
  for (let folder = resolve(cwd); ; folder = dirname(folder)) {
    const candidate = join(folder, 'node_modules', name);
    if (existsSync(join(candidate, 'package.json'))) return packageEntry(candidate, where);
    if (dirname(folder) === folder) break;
  }
  try {
    return createRequire(join(resolve(cwd), 'package.json')).resolve(name); // package managers without node_modules
  } catch (cause) {
    throw new AutoCircuitError({
      code: 'plugin-not-found',
      fields: { plugin: name },
      where,
      what: `the package ${name} is not installed in ${cwd}`,
      fix: `run: npm install ${name}`,
      cause,
    });
  }
}

/** The entry that `import` would take: `exports` (or its `.`) under the conditions node, import, default; else `main`, else index.js. */
function packageEntry(folder: string, where: string): string {
  let manifest: { readonly exports?: unknown; readonly main?: unknown };
  try {
    manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as typeof manifest;
  } catch (cause) {
    throw new AutoCircuitError({
      code: 'invalid-plugin',
      fields: { plugin: folder },
      where,
      what: `cannot read ${join(folder, 'package.json')}`,
      cause,
      fix: 'install it again',
    });
  }
  const entry = manifest.exports === undefined ? (manifest.main ?? 'index.js') : exportTarget(manifest.exports);
  if (typeof entry !== 'string') {
    throw new AutoCircuitError({
      code: 'invalid-plugin',
      fields: { plugin: folder },
      where,
      what: `the package.json in ${folder} exports nothing that can be imported`,
      fix: 'its "exports" need a "." with an "import" or "default" condition',
    });
  }
  const file = join(folder, entry);
  if (existsSync(file)) return file;
  throw new AutoCircuitError({
    code: 'plugin-not-found',
    fields: { plugin: file },
    where,
    what: `${file} is missing, which its package.json names`,
    fix: 'build the plugin',
  });
}

const CONDITIONS: ReadonlySet<string> = new Set(['node', 'import', 'default']);

function exportTarget(exports: unknown): string | null {
  if (typeof exports === 'string') return exports;
  if (Array.isArray(exports)) return exports.map(exportTarget).find((target) => target !== null) ?? null;
  if (typeof exports !== 'object' || exports === null) return null;
  for (const [key, target] of Object.entries(exports)) {
    if (key !== '.' && !CONDITIONS.has(key)) continue;
    const found = exportTarget(target);
    if (found !== null) return found;
  }
  return null;
}
