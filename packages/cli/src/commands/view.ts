/** @file `auto-circuit view RUN…`: the report on a loopback address, opened in the browser, until Ctrl-C. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { AutoCircuitError } from '@auto-circuit/core/startup';
import { Command } from 'commander';
import type { CliCommand } from '../context/context.js';
import { READ_FLAGS } from '../context/read-options.js';
import { addFlags, type FlagTable } from '../flags/flag-table.js';
import { reportOfFolders } from '../report/run-report.js';
import { errorText } from '../terminal/advice.js';

const FLAGS = {
  port: { type: 'int', min: 0, max: 65535, default: 0, doc: 'the port; 0: any free one' },
  open: { type: 'boolean', opposite: 'no-open', default: true, doc: 'open the browser' },
} as const satisfies FlagTable;

const LOOPBACK = '127.0.0.1';

/** `auto-circuit view`. */
export const viewCommand: CliCommand = {
  build: () =>
    addFlags(
      new Command('view')
        .description('Shows the report of a run, or of several side by side, in the browser')
        .argument('<runs...>', 'run folders'),
      { ...FLAGS, ...READ_FLAGS },
    ).addHelpText('after', '\nExamples:\n  $ auto-circuit view runs/ioi\n  $ auto-circuit view runs/eap runs/acdc'),
  async run(cli, command) {
    const [folders] = command.processedArgs as [string[]];
    const page = await reportOfFolders(cli, folders, null);
    await page(); // what is wrong with the run ends the command, and is not left to the browser
    const { port, open } = cli.flags(FLAGS);
    const server = await serve(page, port);
    try {
      const { interrupt } = cli.output.streams;
      if (interrupt) interrupt.words = 'the report is no longer served';
      const url = `http://${LOOPBACK}:${(server.address() as AddressInfo).port}/`;
      if (cli.output.jsonOnly) cli.output.json({ url });
      else cli.output.line(`${url}  (press Ctrl-C to stop serving it)`);
      if (open) openBrowser(url, cli.output.warn);
      if (!cli.signal.aborted) await once(cli.signal, 'abort');
    } finally {
      server.closeAllConnections();
      server.close();
    }
  },
};

/** Serves one page at `/`, made anew at each visit, so that a run that is evaluated further shows it. */
async function serve(page: () => Promise<string>, port: number): Promise<Server> {
  const server = createServer((request, response) => {
    const { port: own } = server.address() as AddressInfo;
    // Another site's name that resolves to this machine must not read the report.
    const known = [`${LOOPBACK}:${own}`, `localhost:${own}`].includes(request.headers.host ?? '');
    if (!known || request.method !== 'GET' || request.url !== '/') {
      response.writeHead(known ? 404 : 403, { 'content-type': 'text/plain' }).end('not here\n');
      return;
    }
    page().then(
      (html) =>
        response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' }).end(html),
      (error: unknown) =>
        response.writeHead(500, { 'content-type': 'text/plain; charset=utf-8' }).end(`${errorText(error)}\n`),
    );
  });
  server.listen(port, LOOPBACK);
  try {
    await once(server, 'listening');
  } catch (cause) {
    throw new AutoCircuitError({
      code: 'invalid-option',
      fields: { option: '--port', got: port },
      where: 'view',
      what: `port ${port} cannot be used: ${(cause as Error).message}`,
      fix: 'leave --port out',
      cause,
    });
  }
  return server;
}

const OPENERS: Readonly<Partial<Record<NodeJS.Platform, readonly string[]>>> = {
  darwin: ['open'],
  win32: ['cmd', '/c', 'start', '""'],
};

/** The page can be opened by hand, so a missing browser is no error. */
function openBrowser(url: string, warn: (line: string) => void): void {
  const [program, ...args] = OPENERS[process.platform] ?? ['xdg-open'];
  const child = spawn(program!, [...args, url], { stdio: 'ignore', detached: true });
  child.on('error', () => warn(`no browser could be opened here; the address is ${url}`));
  child.unref();
}
