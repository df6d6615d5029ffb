import * as tf from '@tensorflow/tfjs-core';
import { speedUpWasmGradients } from '../tf-wasm-matmul.js';
import { conv2DFilterGradient, conv2DInputGradient } from './conv2d.js';
import { depthwiseFilterGradient, depthwiseInputGradient } from './depthwise.js';
import { registerWasmKernel } from './kernels.js';
import { maxPoolGradient } from './max-pool.js';
import { unsortedSegmentSum } from './segment-sum.js';

let completed = false;

/**
 * Makes the WebAssembly backend of TensorFlow.js 4.22 one to train on. It lacks the gradients of convolutions by their
 * filters, both gradients of depthwise convolutions and that of embeddings; some of its own are wrong in cases or slow.
 * Call it after the backend is registered; once is enough.
 */
export function completeWasmBackend(): void {
  if (completed || tf.getKernelsForBackend('wasm').length === 0) return;
  completed = true;
  speedUpWasmGradients();
  registerWasmKernel('Conv2DBackpropInput', conv2DInputGradient);
  registerWasmKernel('Conv2DBackpropFilter', conv2DFilterGradient);
  registerWasmKernel('DepthwiseConv2dNativeBackpropFilter', depthwiseFilterGradient);
  registerWasmKernel('DepthwiseConv2dNativeBackpropInput', depthwiseInputGradient);
  registerWasmKernel('UnsortedSegmentSum', unsortedSegmentSum);
  registerWasmKernel('MaxPoolGrad', maxPoolGradient);
}
