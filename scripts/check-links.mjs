#!/usr/bin/env node
/**
 * @file Every link within the repository, in the Markdown files that git knows: its file exists, and so does the heading behind `#`.
 * READMEs of packages are read on npm, so theirs begin with the address of the repository.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const list = ['ls-files', '--cached', '--others', '--exclude-standard', '*.md'];
const { url } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).repository;
const OWN = `${url.replace(/^git\+|\.git$/g, '')}/blob/main/`;
const pages = execFileSync('git', list, { cwd: ROOT, encoding: 'utf8' }).trim().split('\n');
const LINK = /\[[^\]]*\]\(([^()\s]+)\)/g;

const withoutCode = (text) => text.replace(/^```.*?^```$/gms, '').replace(/`[^`\n]*`/g, 'code');
/** GitHub's anchors: of headings, a heading that comes again with a number, and of `<a id>`. */
function anchorsOf(text) {
  const times = new Map();
  const headings = [...text.matchAll(/^#+ (.*)$/gm)].map(([, title]) => {
    const plain = title.replace(/\\(.)/g, '$1').replace(/<[^>]*>/g, '');
    const anchor = plain
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-');
    const before = times.get(anchor) ?? 0;
    times.set(anchor, before + 1);
    return before === 0 ? anchor : `${anchor}-${before}`;
  });
  return new Set([...headings, ...[...text.matchAll(/<a id="([^"]+)">/g)].map(([, id]) => id)]);
}

const broken = [];
let links = 0;
for (const page of pages.filter((file) => existsSync(join(ROOT, file)))) {
  for (const [, target] of withoutCode(readFileSync(join(ROOT, page), 'utf8')).matchAll(LINK)) {
    const own = target.startsWith(OWN);
    if (!own && /^[a-z]+:/i.test(target)) continue;
    links++;
    const [path, anchor] = (own ? target.slice(OWN.length) : target).split('#');
    const file = path === '' ? join(ROOT, page) : own ? join(ROOT, path) : join(ROOT, dirname(page), path);
    if (!own && path !== '' && /^(?:packages|platforms)\/[^/]+\/README\.md$/.test(page))
      broken.push(`${page}: ${target} leads nowhere on npm; write ${OWN}${relative(ROOT, file)}`);
    if (!existsSync(file)) broken.push(`${page}: ${target} is not there`);
    else if (anchor && !(statSync(file).isFile() && anchorsOf(readFileSync(file, 'utf8')).has(anchor)))
      broken.push(`${page}: ${relative(ROOT, file)} has no heading #${anchor}`);
  }
}
for (const line of broken) console.error(line);
console.log(`${links} links in ${pages.length} Markdown files, ${broken.length} broken`);
process.exit(broken.length > 0 ? 1 : 0);
