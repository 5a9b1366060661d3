/** @file Users of a release: each gets an empty folder, installs what it needs with install scripts on, and runs it. */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, env as toolsEnv } from '../dev.mjs';
import { attempt, expect, run } from './run.mjs';

const DISCOVER = ['discover', '--task', 'ioi-mini', '--algo', 'eap'];
const LIBRARY = ['core', 'backend-onnx', 'metrics', 'models', 'prune-algos', 'tasks'].map(
  (name) => `@auto-circuit/${name}`,
);
const TOOLS = { bun: '1.4.5', deno: '2.9.6', types5: '5.9.3', types7: '7.0.2' };
const WITHIN_SECONDS = 90;
/** Measured 114 MB on Linux x64; the binaries of another platform would be at least 25 MB more. */
const MOST_MEGABYTES = 135;
const RUNTIME = '1.30.0';

/** By what is shown; each gives a sentence, or throws. */
export const CONSUMERS = {
  'npm install, then discover'(folder, env) {
    const began = performance.now();
    install(folder, env, '@auto-circuit/cli');
    checkRun(discover(folder, env));
    const seconds = (performance.now() - began) / 1000;
    expect(seconds < WITHIN_SECONDS, `from an empty folder to a circuit took ${seconds.toFixed(0)} s`);
    const megabytes = sizeOf(join(folder, 'node_modules')) / 1e6;
    if (process.platform !== 'win32') {
      expect(megabytes < MOST_MEGABYTES, `${megabytes.toFixed(0)} MB are installed`);
      expect(!existsSync(join(folder, 'node_modules', 'onnxruntime-node')), 'onnxruntime-node is installed');
    }
    const cli = join(folder, 'node_modules', '@auto-circuit', 'cli');
    const [has, of] = ['package.json', join('dist', 'catalog.json')].map(
      (file) => JSON.parse(readFileSync(join(cli, file), 'utf8')).version,
    );
    expect(
      has === of,
      `the catalog of commands is of ${of}, the package ${has}: it is not used, and every start is slow`,
    );
    const scripts = installScripts(join(folder, 'node_modules'));
    expect(scripts.length === 0, `install scripts of ${scripts.join(', ')}`);
    const doctor = attempt('npx', ['--no-install', 'auto-circuit', 'doctor', '--json'], { cwd: folder, env });
    const { ok, checks } = JSON.parse(doctor.stdout);
    expect(ok && doctor.status === 0, `doctor ended with ${doctor.status}: ${doctor.stdout}`);
    expect(!/npm run /.test(doctor.stdout), `doctor names a script that users do not have: ${doctor.stdout}`);
    const { detail } = checks.find(({ what }) => what === 'onnxruntime');
    run('npm', ['ls', '--all'], { cwd: folder, env }); // every version fits
    return `${seconds.toFixed(0)} s, ${megabytes.toFixed(0)} MB, onnxruntime ${detail}`;
  },

  'pnpm, which links only what is declared'(folder, env) {
    makeFolder(folder);
    const pnpm = (...args) => run('pnpm', args, { cwd: folder, env: { ...env, PATH: toolsEnv.PATH } });
    pnpm('add', '@auto-circuit/cli');
    return checkRun(pnpm('exec', 'auto-circuit', ...DISCOVER, '--json'));
  },

  'without optional packages'(folder, env) {
    install(folder, env, '@auto-circuit/cli', '--omit=optional');
    const { status, stdout } = attempt('npx', ['--no-install', 'auto-circuit', ...DISCOVER, '--json'], {
      cwd: folder,
      env,
    });
    const { error } = JSON.parse(stdout);
    expect(status === 2 && error.code === 'runtime-missing', `ended with ${status}: ${stdout}`);
    expect(error.message.includes(`npm install onnxruntime-node@${RUNTIME}`), `no advice: ${error.message}`);
    const doctor = attempt('npx', ['--no-install', 'auto-circuit', 'doctor', '--json'], { cwd: folder, env });
    const { ok } = JSON.parse(doctor.stdout);
    expect(!ok && doctor.status === 1, `doctor ended with ${doctor.status}: ${doctor.stdout}`);
    return error.message;
  },

  'an onnxruntime-node of the user’s own'(folder, env) {
    install(folder, { ...env, ONNXRUNTIME_NODE_INSTALL: 'skip' }, '@auto-circuit/cli', `onnxruntime-node@${RUNTIME}`);
    const { checks } = JSON.parse(
      run('npx', ['--no-install', 'auto-circuit', 'doctor', '--json'], { cwd: folder, env }),
    );
    const { detail } = checks.find(({ what }) => what === 'onnxruntime');
    expect(detail === `${RUNTIME} of onnxruntime-node`, `doctor says ${detail}`);
    return detail;
  },

  'TypeScript 5.9 and 7, without @types/node'(folder, env) {
    install(folder, env, ...LIBRARY, `five@npm:typescript@${TOOLS.types5}`, `seven@npm:typescript@${TOOLS.types7}`);
    expect(!existsSync(join(folder, 'node_modules', '@types', 'node')), '@types/node is installed');
    writeFileSync(join(folder, 'library.mts'), exampleText());
    // the default library, whose DOM part has URL and AbortSignal
    const options = { strict: true, noEmit: true, skipLibCheck: false, types: [], target: 'es2022' };
    const settings = [
      { module: 'nodenext', moduleResolution: 'nodenext' },
      { module: 'preserve', moduleResolution: 'bundler' },
    ];
    for (const setting of settings) {
      const config = { compilerOptions: { ...options, ...setting }, files: ['library.mts'] };
      writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
      for (const compiler of ['five', 'seven']) {
        run(process.execPath, [join('node_modules', compiler, 'bin', 'tsc'), '-p', '.'], { cwd: folder, env });
      }
    }
    return 'no errors in the example, nor in the declarations, with nodenext and bundler resolution';
  },

  CommonJS(folder, env) {
    install(folder, env, ...LIBRARY);
    writeFileSync(join(folder, 'library.cjs'), asCommonJs(exampleText()));
    return lastLine(run(process.execPath, ['library.cjs'], { cwd: folder, env }));
  },

  Bun(folder, env) {
    const runner = join(folder, 'node_modules', '.bin', 'bun');
    install(folder, env, '@auto-circuit/cli', ...LIBRARY, `bun@${TOOLS.bun}`);
    return elsewhere(folder, env, runner, ['run', '--bun'], ['run']);
  },

  Deno(folder, env) {
    const runner = join(folder, 'node_modules', '.bin', 'deno');
    install(folder, env, '@auto-circuit/cli', ...LIBRARY, `deno@${TOOLS.deno}`);
    return elsewhere(folder, env, runner, ['run', '-A'], ['run', '-A']);
  },
};

/** The example and the command in another runtime than Node.js. */
function elsewhere(folder, env, runner, program, script) {
  cpSync(join(ROOT, 'examples', 'library.mjs'), join(folder, 'library.mjs'));
  const version = run(runner, ['--version'], { cwd: folder, env }).split('\n')[0];
  const library = lastLine(run(runner, [...script, 'library.mjs'], { cwd: folder, env }));
  const main = join('node_modules', '@auto-circuit', 'cli', 'dist', 'main.js');
  const command = checkRun(run(runner, [...program, main, ...DISCOVER, '--json'], { cwd: folder, env }));
  return `${version}; ${library}; ${command}`;
}

function makeFolder(folder) {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'user', private: true }));
}

function install(folder, env, ...what) {
  makeFolder(folder);
  run('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error', ...what], { cwd: folder, env });
}

const discover = (folder, env) =>
  run('npx', ['--no-install', 'auto-circuit', ...DISCOVER, '--json'], { cwd: folder, env });

function checkRun(text) {
  const { algo, circuit } = JSON.parse(text);
  expect(algo === 'eap' && circuit.length > 0, `discover gave ${algo} and ${circuit.length} edges`);
  return `discover kept ${circuit.length} edges`;
}

const exampleText = () => readFileSync(join(ROOT, 'examples', 'library.mjs'), 'utf8');
const lastLine = (text) => text.trim().split('\n').at(-1);

/** The same script with `require`, in a function that may wait. */
function asCommonJs(text) {
  const imports = /^import (\{[^}]*\}) from ('[^']*');$/gm;
  const heads = [...text.matchAll(imports)].map(([, names, from]) => `const ${names} = require(${from});`);
  expect(heads.length > 3, 'the example has no imports');
  return `${heads.join('\n')}\nasync function main() {\n${text.replace(imports, '')}\n}\nmain();\n`;
}

/** Bytes of all files, without what links point to. */
function sizeOf(folder) {
  let bytes = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    if (entry.isFile()) bytes += statSync(join(entry.parentPath, entry.name)).size;
  }
  return bytes;
}

/** The installed packages that run something when they are installed. */
function installScripts(modules) {
  const lock = JSON.parse(readFileSync(join(modules, '.package-lock.json'), 'utf8'));
  const found = Object.entries(lock.packages).filter(([, { hasInstallScript }]) => hasInstallScript);
  return found.map(([path]) => path.replace(/^.*node_modules\//, ''));
}
