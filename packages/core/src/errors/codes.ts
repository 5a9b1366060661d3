/**
 * @file The codes of errors: what went wrong, as a name that a program can test for. The sentence is for people and may be
 * worded anew at any time; a code stays. One line each, listed in docs/reference/errors.md.
 */

/** All codes, each with what it means and which fields its errors have. */
export const ERROR_CODES = {
  // names and options
  'unknown-name': 'nothing of this kind has the name (an algorithm, a metric, a node, …); fields: name, known, nearest',
  'invalid-option': 'an option or a setting has a value that it cannot have; fields: option, got',
  'missing-option': 'a setting that is needed here was not given; fields: option',
  'conflicting-options': 'two settings cannot be used together; fields: options',

  // files
  'file-not-found': 'a file or folder does not exist; fields: path',
  'file-unreadable': 'a file cannot be read; fields: path',
  'file-unwritable': 'a file or folder cannot be written; fields: path',
  'disk-full': 'there is no space left for a file; fields: path',
  'folder-not-empty': 'a folder holds files of something else, and is left alone; fields: path, file',
  'file-exists': 'something is already where a file or folder would be written; fields: path',
  'file-changed': 'a file was changed while it was in use; fields: path',
  'invalid-json': 'a file is not JSON; fields: path',
  'invalid-file': 'a file does not have the content that its format asks for; fields: path, key',
  'invalid-safetensors': 'a safetensors file is torn or contradicts itself; fields: path',
  'unsupported-format': 'a file or a model is in a form that is not read here; fields: path',

  // prompts and tokenizers
  'no-prompts': 'there are no prompts to work on',
  'invalid-prompt': 'a prompt cannot be used as it is; fields: prompt',
  'unfit-prompts': 'prompts do not fit the model, its tokenizer or what is read of them; fields: prompts, length',
  'missing-wrong-answers': 'a prompt has no wrong answers where they are needed; fields: prompt',
  'missing-targets': 'a prompt has no targets where they are needed; fields: prompt',
  'token-out-of-range': 'a token id is outside the vocabulary; fields: prompt, token',
  'answer-not-one-token': 'an answer is not a single token; fields: prompt, answer',
  'mixed-lengths': 'prompts have several lengths where one is needed; fields: lengths',
  'prompt-too-long': 'a prompt has more tokens than the model has positions; fields: length, limit',
  'split-too-large': 'more training and test prompts are requested than there are',
  'no-tokenizer': 'text is given, and the model has no tokenizer; fields: model, prompt',
  'invalid-tokenizer': 'a tokenizer cannot be used; fields: path',
  'no-bos-token': 'a BOS token is asked for, and the tokenizer has none',
  'unfit-tokenizer': 'a task cannot make its prompts with this tokenizer; fields: task',
  'nothing-to-share': 'the two sides of a prompt differ from the first token on; fields: prompt',

  // graphs, scores, circuits
  'invalid-layout': 'a model layout contradicts itself',
  'unsupported-graph': 'this kind of graph cannot be used for this',
  'unknown-node': 'the graph has no such node; fields: name, side, known, nearest',
  'unknown-edge': 'the graph has no such edge; fields: name, number, position',
  'invalid-edge-count': 'a number of edges is not one that the graph can keep; fields: edges, edgeCount',
  'invalid-threshold': 'a threshold is not usable, or no edge reaches it; fields: threshold',
  'duplicate-edge': 'an edge is named twice; fields: name',
  'no-prompt-scores': 'a run did not keep the scores of single prompts; fields: path',
  'graph-mismatch': 'something belongs to another graph or model; fields: path, key',
  'circuit-mismatch': 'edges are not in the circuit that they should be in',
  'wrong-scores': 'scores are missing, misshapen or not numbers; fields: module, shape, expectedShape',
  'no-known-circuit': 'the task has no known circuit, and one is needed',
  'unknown-word-position': 'a circuit is given by words whose positions the prompts do not say; fields: circuit, word',
  'not-solved': 'the best circuit of a size was not found within the limits of the search; fields: edges, seconds, gap',
  'nothing-to-find': 'patching has no effect, or no reliable one, on these prompts',

  // programs and backends
  'invalid-program': 'a program is not well formed; fields: program',
  'wrong-shape': 'a tensor does not have the shape that it should have; fields: shape, expectedShape',
  'wrong-dtype': 'a tensor does not have the dtype that it should have',
  'index-out-of-range': 'an index is outside of what it selects from; fields: index, size',
  'invalid-feed': 'a program is given an input that it does not take, or lacks one that it needs; fields: input',
  'wrong-mask': 'a mask does not fit the graph or the batch; fields: module',
  'invalid-request': 'what is asked of the engine contradicts itself',
  'already-disposed': 'something is used after it was disposed',
  'needs-whole-program':
    'what is asked for needs the whole model in one program, which does not fit in memory; fields: request',
  'memory-limit': 'what is asked for does not fit in the memory that may be used; fields: bytes, limit',
  'out-of-memory': 'a runtime ran out of memory; fields: program',
  'runtime-missing': 'a runtime is not installed or cannot be loaded; fields: package',
  'runtime-failed': 'a runtime refused or failed a program; fields: program',
  'device-unavailable': 'a device is not there or does not start; fields: device',
  'worker-failed': 'a worker process or thread has ended or refused',

  // models and checkpoints
  'unknown-architecture': 'no architecture reads this model; fields: modelType',
  'unsupported-model': 'a model has a feature that is not supported; fields: key',
  'missing-tensor': 'a checkpoint lacks a tensor; fields: tensor',
  'wrong-tensor': 'a tensor of a checkpoint has another shape or dtype than its config says; fields: tensor',
  'not-finite': 'a number is NaN or infinite where it must not be',
  'unfit-autoencoder': 'an autoencoder does not fit the model or its graph; fields: model, site, path',
  'weights-not-published': 'only the shape of a model is known, not its weights; fields: model',
  'hub-unreachable': 'the hub cannot be reached; fields: url',
  'hub-busy': 'the hub asks to come back later, or is out of order; fields: url, status',
  'hub-refused': 'the hub does not give what is asked for; fields: url, status',
  'download-broken': 'a download ended early or is not what was promised; fields: file',

  // runs and their folders
  'run-exists': 'the folder already holds a run, or one of another request; fields: path, finished, changes',
  'run-unfinished': 'a run is not finished; fields: path',
  'not-a-run': 'the folder holds no run; fields: path',
  'run-locked': 'another process is using the folder; fields: path, pid, host',
  'run-changed': 'a model, prompts, code or versions are no longer what a run was made with; fields: path, changes',
  'run-damaged': 'a file of a run is not what it was when it was written; fields: path, file',
  'wrong-checkpoint': 'partial work is damaged or belongs to other work; fields: path, name, expected, got',
  interrupted: 'the work was stopped, and finished work is kept; fields: path',
  'not-a-plan': 'the folder holds no plan; fields: path',
  'plan-damaged': 'a file of a plan is not what it was when it was written; fields: path, file, shard',
  'plan-unfinished': 'some shards of a plan are not done; fields: path, waiting, running',
  'plan-changed':
    'a model, prompts, code or versions are no longer what a plan was made with; fields: path, cell, changes',
  'refused-job': 'a message asks a worker for what it was not started for; fields: path, shard',
  'refused-result': 'what came back of a shard is not what a worker makes of it; fields: path, shard',
  'mixed-hardware': 'shards were computed on machines that may differ in last digits; fields: path, kinds',
  'not-confirmed': 'another backend gives other numbers',

  // metrics
  'invalid-curve': 'points have no area under them: too few, not finite, or two values in one place; fields: metric',
  'undefined-metric': 'a metric has no value here, as what it is measured against is 0 or missing; fields: metric',

  // plugins
  'plugin-not-found': 'a plugin cannot be found; fields: plugin',
  'plugin-failed': 'the code of a plugin failed; fields: plugin',
  'invalid-plugin': 'a plugin does not have the expected form; fields: plugin',
  'duplicate-name': 'two contributions of one kind have the same name; fields: kind, name, plugins',
  'contract-broken': 'a plugin or backend does not keep its contract',

  // command lines
  usage: 'a command line cannot be understood',

  // ours
  internal: 'one part of this program asked another for something impossible',
} as const satisfies Readonly<Record<string, string>>;

/** A code of this program, or one of a plugin's own: `my-plugin/what-is-wrong`. */
export type ErrorCode = keyof typeof ERROR_CODES | `${string}/${string}`;
