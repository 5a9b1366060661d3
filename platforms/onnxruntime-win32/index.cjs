// onnxruntime-node as it is published: on Windows its install script downloads nothing. It has another name here, because a package
// manager that finds onnxruntime-node somewhere in the tree takes it for the one that the user may bring.
module.exports = require('onnxruntime-node-for-windows');
