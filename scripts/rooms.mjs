/**
 * @file The house: packages, their doors and their rooms, from the ground up. A package may import those that it lists, through the
 * doors named here; a room may import the rooms that it lists, all of which stand above it in the table. Types count.
 * `node scripts/check-imports.mjs` holds the code to it; `--print PACKAGE` prints what is.
 */

/** The packages of this repository that each may import. */
export const PACKAGES = {
  core: [],
  'backend-onnx': ['core'],
  'backend-tfjs': ['core'],
  models: ['core'],
  tasks: ['core'],
  'prune-algos': ['core'],
  metrics: ['core'],
  viewer: ['core'],
  cli: ['core', 'backend-onnx', 'backend-tfjs', 'models', 'tasks', 'prune-algos', 'metrics', 'viewer'],
};

/** Doors beside a package's main one. */
export const DOORS = {
  core: ['plugin', 'backend', 'run', 'testing', 'startup'],
};

/** Room → the rooms that it imports. `.` is what stands in `src` itself. */
export const ROOMS = {
  core: {
    errors: [],
    tensor: ['errors'],
    'ir/program': ['errors', 'tensor'],
    backend: ['errors', 'ir/program', 'tensor'],
    'backend/interpreter': ['backend', 'errors', 'ir/program', 'tensor'],
    files: ['errors', 'tensor'],
    graph: ['errors', 'files', 'tensor'],
    'ir/analysis': ['ir/program', 'tensor'],
    'ir/ops': ['errors', 'ir/program', 'tensor'],
    'ir/builder': ['errors', 'ir/ops', 'ir/program', 'tensor'],
    'ir/autodiff': ['errors', 'ir/builder', 'ir/program'],
    'ir/passes/rules': ['backend/interpreter', 'ir/ops', 'ir/program', 'tensor'],
    'ir/passes': ['ir/ops', 'ir/passes/rules', 'ir/program'],
    numeric: ['errors'],
    prompts: ['errors', 'files', 'numeric', 'tensor'],
    model: ['backend', 'graph', 'ir/builder', 'ir/program', 'prompts', 'tensor'],
    objectives: ['errors', 'ir/builder', 'ir/program', 'prompts', 'tensor'],
    'patch/modes': ['errors', 'graph', 'ir/builder', 'ir/program', 'model'],
    'patch/requests': ['graph', 'ir/autodiff', 'ir/builder', 'ir/program', 'objectives', 'prompts', 'tensor'],
    'patch/programs': ['graph', 'ir/autodiff', 'ir/builder', 'ir/passes', 'ir/program', 'model', 'objectives', 'patch/modes', 'patch/requests', 'prompts'],
    'patch/exec': ['backend', 'errors', 'graph', 'ir/analysis', 'ir/program', 'model', 'objectives', 'patch/modes', 'patch/programs', 'patch/requests', 'prompts', 'tensor'],
    'patch/sparse': ['backend', 'errors', 'graph', 'ir/builder', 'ir/program', 'model', 'patch/exec', 'patch/modes', 'patch/programs', 'patch/requests', 'prompts', 'tensor'],
    'patch/runs': ['backend', 'errors', 'graph', 'ir/autodiff', 'ir/builder', 'ir/passes', 'ir/program', 'model', 'objectives', 'patch/exec', 'patch/modes', 'patch/programs', 'patch/requests', 'patch/sparse', 'prompts', 'tensor'],
    patch: ['backend', 'errors', 'graph', 'model', 'patch/exec', 'patch/programs', 'patch/requests', 'patch/runs', 'patch/sparse', 'prompts', 'tensor'],
    plugin: ['backend', 'backend/interpreter', 'errors', 'graph', 'model', 'objectives', 'patch/requests', 'prompts', 'tensor'],
    'run-folder': ['errors', 'files', 'graph', 'plugin', 'tensor'],
    statistics: ['errors', 'graph', 'numeric', 'plugin', 'tensor'],
    run: ['backend', 'errors', 'graph', 'numeric', 'objectives', 'patch/requests', 'plugin', 'prompts', 'run-folder', 'statistics', 'tensor'],
    public: ['backend', 'backend/interpreter', 'errors', 'files', 'graph', 'ir/analysis', 'ir/autodiff', 'ir/builder', 'ir/passes', 'ir/program', 'model', 'numeric', 'objectives', 'patch', 'patch/exec', 'patch/modes', 'patch/programs', 'patch/requests', 'patch/runs', 'plugin', 'prompts', 'run', 'run-folder', 'statistics', 'tensor'],
    testing: ['backend', 'backend/interpreter', 'errors', 'graph', 'ir/builder', 'ir/program', 'model', 'numeric', 'objectives', 'patch', 'patch/exec', 'patch/modes', 'patch/programs', 'patch/requests', 'patch/sparse', 'plugin', 'prompts', 'run-folder', 'statistics', 'tensor'],
  },
  'backend-onnx': {
    lower: [],
    session: ['lower'],
    '.': ['lower', 'session'],
    testing: [],
  },
  'backend-tfjs': {
    // RING backend-tfjs
  },
  models: {
    // RING models
  },
  tasks: {
    'prompt-set': [],
    'animal-diet': ['prompt-set'],
    capitals: ['prompt-set'],
    official: [],
    docstring: ['official', 'prompt-set'],
    'greater-than': ['official', 'prompt-set'],
    ioi: ['official', 'prompt-set'],
    pronouns: ['prompt-set'],
    'sports-players': ['official', 'prompt-set'],
    sva: ['prompt-set'],
    tracr: [],
    '.': ['animal-diet', 'capitals', 'docstring', 'greater-than', 'ioi', 'pronouns', 'sports-players', 'sva', 'tracr'],
    testing: [],
  },
  'prune-algos': {
    baselines: [],
    shared: [],
    forward: ['shared'],
    gradient: ['shared'],
    search: ['shared'],
    training: ['shared'],
    '.': ['baselines', 'forward', 'gradient', 'search', 'training'],
  },
  metrics: {
    '.': [],
  },
  viewer: {
    // RING viewer
  },
  cli: {
    // RING cli
  },
};
