/**
 * @file Compares our tokenizers with what Python's `tokenizers` gave: `node scripts/tokenizers/compare.mjs DIR`, where DIR was written by
 * `make.py` beside it. Ends with status 1 when any string differs.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadTokenizer } from '@auto-circuit/models';

const [folder = 'packages/models/test-data/tokenizers'] = process.argv.slice(2);
const json = (...path) => JSON.parse(readFileSync(join(folder, ...path), 'utf8'));
const strings = json('strings.json');
const SHOWN = 3;

for (const { name } of readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory())) {
  const tokenizer = loadTokenizer(join(folder, name));
  const expected = json(name, 'expected.json');
  const differing = strings.flatMap((text, i) => {
    const [ids, decoded] = expected[i];
    const own = tokenizer.encode(text, { bos: false });
    const back = tokenizer.decode(ids);
    const differs =
      JSON.stringify(own) !== JSON.stringify(ids) ? 'encode' : back !== (decoded ?? text) ? 'decode' : null;
    return differs ? [{ differs, text, ids: ids.join(' '), own: own.join(' '), decoded: decoded ?? text, back }] : [];
  });
  console.log(`${name}: ${strings.length} strings, ${differing.length} differ`);
  for (const one of differing.slice(0, SHOWN)) console.log(' ', JSON.stringify(one));
  if (differing.length > 0) process.exitCode = 1;
}
