// onnxruntime-node as it is published: on Windows its install script downloads nothing.
module.exports = require('onnxruntime-node');
