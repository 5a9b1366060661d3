/**
 * @file Which version a plugin has, and which core it uses: recorded in runs. A plugin that uses another core than the tool is
 * refused, since two versions of one program would make one run.
 */
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { AutoCircuitError } from '../errors/error.js';
import { packagesImported } from './code-hash.js';

const CORE = '@auto-circuit/core';

/** What a plugin was loaded from. */
export interface PluginVersions {
  /** Of its package; null for a file by itself. */
  readonly version: string | null;
  /** Of the core that it imports; null where it imports none, or none is found by the usual rule. */
  readonly core: string | null;
}

/**
 * @param file the plugin's module
 * @param isPackage whether it was named as a package, whose version it then has
 * @throws AutoCircuitError `invalid-plugin` where it uses another version of core than the one that is running
 */
export async function pluginVersions(file: string, isPackage: boolean, where: string): Promise<PluginVersions> {
  const own = realpathSync(file); // as Node resolves imports
  const version = isPackage ? versionIn(nearest(dirname(own), 'package.json')) : null;
  const imports = await packagesImported(own);
  const usesCore = imports.some((name) => name === CORE || name.startsWith(`${CORE}/`));
  const core = usesCore ? versionIn(nearest(dirname(own), join('node_modules', CORE, 'package.json'))) : null;
  const running = versionIn(new URL('../../package.json', import.meta.url));
  if (core !== null && core !== running) {
    throw new AutoCircuitError({
      code: 'invalid-plugin',
      fields: { plugin: file, expected: running, got: core },
      where,
      what: `the plugin uses another version of ${CORE} than this auto-circuit`,
      expected: `${running}`,
      got: core,
      fix: `install ${CORE} ${running} where the plugin finds it, or the auto-circuit that goes with it`,
    });
  }
  return { version, core };
}

/** As `run.json` has it: `1.2.0, core 0.1.0`. */
export const versionsText = ({ version, core }: PluginVersions): string =>
  [version ?? 'no version', ...(core === null ? [] : [`core ${core}`])].join(', ');

/** A file of this name in the folder or in one above it, or null. */
function nearest(folder: string, name: string): string | null {
  for (let at = folder; ; at = dirname(at)) {
    if (existsSync(join(at, name))) return join(at, name);
    if (dirname(at) === at) return null;
  }
}

function versionIn(manifest: string | URL | null): string | null {
  if (manifest === null) return null;
  try {
    const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { readonly version?: unknown };
    return typeof version === 'string' ? version : null;
  } catch {
    return null; // whoever imports from it says what is wrong
  }
}
