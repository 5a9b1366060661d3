// Runs command lines in one process, one after the other, as they come on stdin: for tests that need thousands of them.
// A line is { args, cwd, env, remove }; the answer is { code, stdout, stderr }.
import { unlink } from 'node:fs/promises';
import { createInterface } from 'node:readline';

const kept = () => {
  let text = '';
  const write = (piece) => {
    text += piece;
  };
  return { stream: { write, isTTY: false, columns: 100 }, text: () => text };
};

// What was built, in this package.
const { main } = await import(new URL('../dist/cli.js', import.meta.url));
for await (const line of createInterface({ input: process.stdin })) {
  const { args, cwd, env, remove } = JSON.parse(line);
  // What is set here, libraries of C see too.
  for (const [name, value] of Object.entries(env)) {
    if (value === null) delete process.env[name];
    else process.env[name] = value;
  }
  if (remove) await unlink(remove).catch(() => undefined); // it need not be there
  const [out, err] = [kept(), kept()];
  const signal = new AbortController().signal;
  const code = await main(args, { stdout: out.stream, stderr: err.stream, cwd, env: process.env, signal });
  process.stdout.write(`${JSON.stringify({ code, stdout: out.text(), stderr: err.text() })}\n`);
}
