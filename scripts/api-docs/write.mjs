/**
 * @file Writes docs/reference/api/: a page for each public door of each package, from its exported names and their doc comments.
 *
 *   node scripts/api-docs/write.mjs            write
 *   node scripts/api-docs/write.mjs --check    change nothing; name the pages that differ and the names without a comment, exit 1
 */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Application, ReflectionKind } from 'typedoc';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const FOLDER = join(ROOT, 'docs/reference/api');
const HEAD =
  '<!-- Written by scripts/api-docs/write.mjs from the doc comments. Change the code, not this page. -->\n\n';

/** Page → the file that is its door. */
const DOORS = {
  core: 'core/src/public/index.ts',
  'core-plugin': 'core/src/public/plugin.ts',
  'core-backend': 'core/src/public/backend.ts',
  'core-run': 'core/src/public/run.ts',
  'core-testing': 'core/src/testing/index.ts',
  models: 'models/src/index.ts',
  tasks: 'tasks/src/index.ts',
  'prune-algos': 'prune-algos/src/index.ts',
  metrics: 'metrics/src/index.ts',
  selections: 'selections/src/index.ts',
  'backend-onnx': 'backend-onnx/src/index.ts',
  'backend-tfjs': 'backend-tfjs/src/index.ts',
  viewer: 'viewer/src/index.ts',
};

const pageOf = (name) => Object.entries(DOORS).find(([, file]) => file.replace(/(\/index)?\.ts$/, '') === name)?.[0];
const specOf = (page) => `@auto-circuit/${page.replace(/^core-/, 'core/')}`;

/** Whether an exported name has no comment (functions have theirs at their signatures; names of other doors are looked at there). */
function lacksComment(reflection) {
  if (reflection.kindOf(ReflectionKind.Reference)) return false;
  const own = [reflection, ...(reflection.signatures ?? []), ...(reflection.type?.declaration?.signatures ?? [])];
  return !own.some(({ comment }) => comment?.summary.length > 0 || comment?.blockTags.length > 0);
}

const out = mkdtempSync(join(tmpdir(), 'api-docs-'));
const app = await Application.bootstrapWithPlugins({
  entryPoints: Object.values(DOORS).map((file) => join(ROOT, 'packages', file)),
  tsconfig: fileURLToPath(new URL('./tsconfig.json', import.meta.url)),
  plugin: ['typedoc-plugin-markdown'],
  readme: 'none',
  disableSources: true,
  excludeExternals: true,
  excludeInternal: true,
  excludePrivate: true,
  skipErrorChecking: true,
  sort: ['kind', 'alphabetical'],
  out,
  logLevel: 'Warn',
  blockTags: ['@file', '@module', '@param', '@returns', '@throws', '@example', '@see', '@defaultValue'],
  validation: { notDocumented: false, notExported: false, invalidLink: true },
  // of typedoc-plugin-markdown
  router: 'module',
  hideBreadcrumbs: true,
  hidePageHeader: true,
  useCodeBlocks: true,
  expandObjects: true,
  parametersFormat: 'table',
  interfacePropertiesFormat: 'table',
  typeAliasPropertiesFormat: 'table',
});
const project = await app.convert();
if (!project) throw new Error('TypeDoc could not read the doors');
for (const module of project.children ?? []) {
  module.name = pageOf(module.name) ?? module.name;
  const sign = module.comment?.removeTags ? module.comment.getTag('@file') : undefined;
  if (!sign) continue; // what stands on the door is the page's first paragraph
  module.comment.summary.unshift(...sign.content);
  module.comment.removeTags('@file');
}
const bare = (project.children ?? []).flatMap((module) =>
  (module.children ?? []).filter(lacksComment).map(({ name }) => `${specOf(module.name)}: ${name} has no doc comment`),
);
for (const line of bare) console.error(line);
await app.generateOutputs(project);

const pages = new Map();
for (const page of Object.keys(DOORS)) {
  const folder = join(out, page);
  const own = existsSync(folder) ? join(folder, 'README.md') : join(out, `${page}.md`);
  addPage(`${page}.md`, specOf(page), readFileSync(own, 'utf8'));
  // a door that exports a namespace has a page for it, in a folder of TypeDoc's; here all pages lie side by side
  const namespaces = join(folder, 'namespaces');
  for (const file of existsSync(namespaces) ? readdirSync(namespaces) : [])
    addPage(
      `${page}-${file}`,
      `${specOf(page)}: ${file.replace('.md', '')}`,
      readFileSync(join(namespaces, file), 'utf8'),
    );

  function addPage(name, title, text) {
    const flat = text
      .replace(/\]\((?:\.\.\/)*namespaces\//g, `](${page}-`)
      .replace(/\]\((?:\.\.\/)*README\.md/g, `](${page}.md`)
      .replace(/\]\((?:\.\.\/)+/g, '](')
      .replace(/\]\(([\w-]+)\/README\.md/g, ']($1.md')
      .replace(/\]\(([\w-]+)\/namespaces\//g, ']($1-');
    pages.set(name, `${HEAD}${flat.replace(/^# .*\n/, `# ${title}\n`).trimEnd()}\n`);
  }
}
const index = Object.keys(DOORS).map((page) => `- [${specOf(page)}](${page}.md)`);
pages.set('README.md', `${HEAD}# Names of every package\n\n${index.join('\n')}\n`);
rmSync(out, { recursive: true });

const present = existsSync(FOLDER) ? readdirSync(FOLDER) : [];
const same = ([file, text]) => present.includes(file) && readFileSync(join(FOLDER, file), 'utf8') === text;
const changed = [...pages].filter((page) => !same(page));
const stale = present.filter((file) => !pages.has(file));
if (process.argv.includes('--check')) {
  for (const [file] of changed) console.error(`docs/reference/api/${file} is not what the code says`);
  for (const file of stale) console.error(`docs/reference/api/${file} is written by nothing`);
  if (changed.length + stale.length > 0) console.error('run: node scripts/api-docs/write.mjs');
  process.exitCode = changed.length + stale.length + bare.length > 0 ? 1 : 0;
} else {
  mkdirSync(FOLDER, { recursive: true });
  for (const [file, text] of changed) writeFileSync(join(FOLDER, file), text);
  for (const file of stale) rmSync(join(FOLDER, file));
  console.log(
    `docs/reference/api/: ${changed.length} of ${pages.size} pages written; ${bare.length} names without a comment`,
  );
}
