import type { Json, JsonObject } from './json.js';

/** How a layer's configuration becomes one that TF.js builds. */
export interface LayerRule {
  /** Fields that TF.js knows; the others are for Keras alone. */
  readonly keep: readonly string[];
  /** Fields of which TF.js has some values only, with what it can do instead. An absent field is fine. */
  readonly only?: Readonly<Record<string, readonly Json[]>>;
  readonly adapt?: (config: JsonObject) => JsonObject;
}

const KERNEL = ['kernel_initializer', 'kernel_regularizer'];
const BIAS = ['use_bias', 'bias_initializer', 'bias_regularizer'];
const CONV = [
  'filters',
  'kernel_size',
  'strides',
  'padding',
  'dilation_rate',
  'activation',
  ...KERNEL,
  ...BIAS,
];
const RECURRENT = [
  ...[
    'units',
    'activation',
    'recurrent_initializer',
    'recurrent_regularizer',
    'dropout',
    'recurrent_dropout',
  ],
  ...['return_sequences', 'go_backwards', ...KERNEL, ...BIAS],
];
const POOL = ['pool_size', 'strides', 'padding'];
const SAME_OR_VALID = { padding: ['valid', 'same'] };
const NOT_DILATED = { dilation_rate: [1, [1], [1, 1], [1, 1, 1]] };

const conv: LayerRule = { keep: CONV, only: SAME_OR_VALID };
const transposed: LayerRule = {
  keep: CONV.filter((field) => field !== 'dilation_rate'),
  only: { ...SAME_OR_VALID, ...NOT_DILATED, output_padding: [null] },
};
const pool: LayerRule = { keep: POOL, only: SAME_OR_VALID };
const plain: LayerRule = { keep: [] };
const oneAxis = ({ axis, ...rest }: JsonObject): JsonObject =>
  axis === undefined
    ? rest
    : { ...rest, axis: Array.isArray(axis) && axis.length === 1 ? (axis[0] ?? -1) : axis };

/** Every layer that is read, by its class in Keras. What is not here is refused. docs/keras.md has the same list. */
export const LAYER_RULES: Readonly<Record<string, LayerRule>> = {
  Dense: { keep: ['units', 'activation', ...KERNEL, ...BIAS] },
  Embedding: {
    keep: ['input_dim', 'output_dim', 'embeddings_initializer', 'embeddings_regularizer', 'mask_zero'],
  },
  Conv1D: conv,
  Conv2D: conv,
  Conv3D: conv,
  Conv2DTranspose: transposed,
  DepthwiseConv2D: {
    keep: [
      ...['kernel_size', 'strides', 'padding', 'dilation_rate', 'depth_multiplier', 'activation', ...BIAS],
      ...['depthwise_initializer', 'depthwise_regularizer'],
    ],
    only: SAME_OR_VALID,
  },
  SeparableConv2D: {
    keep: [
      ...['filters', 'kernel_size', 'strides', 'padding', 'dilation_rate', 'depth_multiplier', 'activation'],
      ...['depthwise_initializer', 'depthwise_regularizer', 'pointwise_initializer', 'pointwise_regularizer'],
      ...BIAS,
    ],
    only: SAME_OR_VALID,
  },
  MaxPooling1D: pool,
  MaxPooling2D: pool,
  MaxPooling3D: pool,
  AveragePooling1D: pool,
  AveragePooling2D: pool,
  AveragePooling3D: pool,
  GlobalMaxPooling1D: plain,
  GlobalMaxPooling2D: plain,
  GlobalAveragePooling1D: plain,
  GlobalAveragePooling2D: plain,
  SimpleRNN: { keep: RECURRENT },
  LSTM: { keep: [...RECURRENT, 'recurrent_activation', 'unit_forget_bias'] },
  GRU: {
    keep: [...RECURRENT, 'recurrent_activation', 'reset_after'],
    // Absent in files from before there was a choice.
    adapt: (config) => ({ ...config, reset_after: config['reset_after'] === true }),
  },
  BatchNormalization: {
    keep: [
      ...['axis', 'momentum', 'epsilon', 'center', 'scale', 'beta_initializer', 'gamma_initializer'],
      ...['moving_mean_initializer', 'moving_variance_initializer', 'beta_regularizer', 'gamma_regularizer'],
    ],
    only: { renorm: [false], virtual_batch_size: [null] },
    adapt: oneAxis,
  },
  LayerNormalization: {
    keep: [
      ...['axis', 'epsilon', 'center', 'scale', 'beta_initializer', 'gamma_initializer'],
      ...['beta_regularizer', 'gamma_regularizer'],
    ],
    only: { rms_scaling: [false] },
  },
  Activation: { keep: ['activation'] },
  ReLU: {
    keep: ['max_value'],
    only: { negative_slope: [0, null], threshold: [0, null] },
  },
  LeakyReLU: {
    keep: ['alpha', 'negative_slope'],
    // Keras 3 renamed it.
    adapt: ({ negative_slope, alpha, ...rest }) => ({ ...rest, alpha: alpha ?? negative_slope ?? 0.3 }),
  },
  PReLU: { keep: ['alpha_initializer', 'alpha_regularizer', 'shared_axes'] },
  ELU: { keep: ['alpha'], only: { alpha: [1] } },
  ThresholdedReLU: { keep: ['theta'] },
  Softmax: { keep: ['axis'], adapt: oneAxis },
  Dropout: { keep: ['rate', 'noise_shape', 'seed'] },
  SpatialDropout1D: { keep: ['rate', 'seed'] },
  GaussianNoise: { keep: ['stddev'] },
  GaussianDropout: { keep: ['rate'] },
  AlphaDropout: { keep: ['rate', 'noise_shape'] },
  Add: plain,
  Multiply: plain,
  Average: plain,
  Maximum: plain,
  Minimum: plain,
  Concatenate: { keep: ['axis'] },
  Dot: { keep: ['axes', 'normalize'] },
  Flatten: plain,
  Reshape: { keep: ['target_shape'] },
  Permute: { keep: ['dims'] },
  RepeatVector: { keep: ['n'] },
  Masking: { keep: ['mask_value'] },
  ZeroPadding2D: { keep: ['padding'] },
  Cropping2D: { keep: ['cropping'] },
  UpSampling2D: { keep: ['size', 'interpolation'], only: { interpolation: ['nearest'] } },
  Rescaling: { keep: ['scale', 'offset'] },
  Bidirectional: { keep: ['merge_mode'] },
  TimeDistributed: plain,
};

/** What no layer of TF.js can do, whatever its class. */
export const FOR_ALL: Readonly<Record<string, readonly Json[]>> = {
  data_format: ['channels_last', null],
  groups: [1],
  keepdims: [false],
  return_state: [false],
  stateful: [false],
  time_major: [false],
  zero_output_for_mask: [false],
  activity_regularizer: [null],
  quantization_config: [null],
  lora_rank: [null],
};

/** Why, or what to do, where the field alone does not say it. */
export const ADVICE: Readonly<Record<string, string>> = {
  padding: 'pad with a ZeroPadding layer first',
  data_format: 'build the model with channels_last',
  stateful: 'a round of federated learning begins without state',
  activity_regularizer: 'put the regularizer on the kernel instead',
};

/** Hints for layers that have no rule. */
export const INSTEAD: Readonly<Record<string, string>> = {
  Lambda: 'it is arbitrary code, which is never run; use layers of Keras instead',
  Subtract: 'TF.js has no such layer; use Add with a layer that has learnt the sign, or subtract in the data',
  Normalization: 'TF.js has no such layer; normalise the data, or use Rescaling or BatchNormalization',
  NotEqual:
    'Keras 3 has it in a Functional model for the mask of Masking or mask_zero; put the layers that make and use the mask into a Sequential model inside',
  MultiHeadAttention: 'its weights have no counterpart in TF.js layers',
  TFOpLambda: 'it is an operation outside a layer; use layers such as Add, Multiply and Rescaling instead',
  SlicingOpLambda: 'it is an operation outside a layer; use Cropping or Reshape instead',
};
