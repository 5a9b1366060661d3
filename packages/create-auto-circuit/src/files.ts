/** @file The files of what is begun: those of the template with the name put in, and the manifest. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { KINDS } from './kinds.js';
import { type CreateRequest, packageName, variableName } from './request.js';

const TEMPLATES = fileURLToPath(new URL('../templates', import.meta.url));
/** Of what is not ours, as this repository has them. */
const TOOLS = { '@changesets/cli': '2.31.1', '@types/node': '20.19.0', typescript: '7.0.2' } as const;
/** Of our packages: what templates are written for. */
const OURS = '^0.1.0';
/** Packages leave files out whose names begin with a dot. */
const DOTTED: Readonly<Record<string, string>> = { _gitignore: '.gitignore', _changeset: '.changeset' };

/** Texts by path, with `/` between folders. */
export function filesOf(request: CreateRequest): Readonly<Record<string, string>> {
  const { kind, name } = request;
  const texts = { ...templateFiles('common'), ...templateFiles(kind) };
  const filled = Object.entries(texts).map(([path, text]) => {
    const own = text
      .replaceAll('DESCRIPTION', KINDS[kind].description)
      .replaceAll('USAGE', usage(request))
      .replaceAll('PACKAGE', packageName(request))
      .replaceAll('my-plugin', name)
      .replaceAll('myPlugin', variableName(name));
    return [path, own] as const;
  });
  return { ...Object.fromEntries(filled), 'package.json': `${JSON.stringify(manifest(request), null, 2)}\n` };
}

function templateFiles(kind: string): Record<string, string> {
  const folder = join(TEMPLATES, kind);
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Object.fromEntries(
    files.map((entry) => {
      const file = join(entry.parentPath, entry.name);
      const path = relative(folder, file).split(sep);
      return [path.map((part) => DOTTED[part] ?? part).join('/'), readFileSync(file, 'utf8')];
    }),
  );
}

function usage({ kind }: CreateRequest): string {
  const install = kind === 'study' ? '' : 'npm install --save-dev @auto-circuit/cli\n';
  return `\`\`\`sh\n${install}${KINDS[kind].command}\n\`\`\``;
}

function manifest(request: CreateRequest): Readonly<Record<string, unknown>> {
  const { kind } = request;
  const { description, needs, testNeeds, files } = KINDS[kind];
  const ours = (names: readonly string[]): Record<string, string> =>
    Object.fromEntries(names.map((name) => [`@auto-circuit/${name}`, OURS]));
  const tools = (own: Record<string, string>) => ({
    devDependencies: Object.fromEntries(Object.entries({ ...own, ...TOOLS }).sort(([a], [b]) => (a < b ? -1 : 1))),
  });
  const common = {
    name: packageName(request),
    version: '0.0.0',
    description,
    type: 'module',
    engines: { node: '>=20.19.0' },
  };
  const scripts = { build: 'tsc', test: 'tsc && node --test dist/index.test.js' };
  if (kind === 'study') {
    return {
      ...{ ...common, private: true },
      scripts: { ...scripts, start: 'tsc && node dist/index.js' },
      dependencies: ours([...needs, 'cli'].sort()),
      ...tools({}),
    };
  }
  return {
    ...{ ...common, license: 'MIT', keywords: ['auto-circuit-plugin'] },
    exports: { '.': { types: './dist/index.d.ts', default: './dist/index.js' } },
    files: ['dist', ...files, '!dist/*.test.*'],
    scripts: { ...scripts, prepack: 'tsc' },
    peerDependencies: ours(needs),
    ...tools(ours([...needs, ...testNeeds])),
  };
}
