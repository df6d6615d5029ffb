import { ApiError, ask } from './api.js';

/** A form in which a model can be had: its files, and what reads it. */
export interface ModelFormat {
  readonly id: string;
  readonly label: string;
  readonly help: string;
  readonly files: readonly { readonly path: string; readonly name: string; readonly type: RegExp }[];
}

/** Only whole models can be had so. */
export const TFJS = 'tfjs';
const BYTES = /^application\/octet-stream/;
export const MODEL_FORMATS: readonly ModelFormat[] = [
  {
    id: TFJS,
    label: 'TensorFlow.js',
    help: 'model.json and weights.bin, for tf.loadLayersModel',
    files: [
      { path: '/tfjs/model.json', name: 'model.json', type: /^application\/json/ },
      { path: '/tfjs/weights.bin', name: 'weights.bin', type: BYTES },
    ],
  },
  {
    id: 'keras',
    label: 'Keras .keras',
    help: 'for keras.saving.load_model',
    files: [{ path: '?format=keras', name: 'model.keras', type: /^application\/zip/ }],
  },
  {
    id: 'h5',
    label: 'Keras .h5',
    help: 'for keras.saving.load_model, older Keras too',
    files: [{ path: '?format=h5', name: 'model.h5', type: /hdf5/ }],
  },
  {
    id: 'f32',
    label: 'Raw f32',
    help: 'all parameters, little-endian',
    files: [{ path: '/weights', name: 'weights.f32', type: BYTES }],
  },
  {
    id: 'f16',
    label: 'Raw f16',
    help: 'the same in half the bytes, rounded',
    files: [{ path: '/weights?encoding=f16', name: 'weights.f16', type: BYTES }],
  },
];

/** Something with parameters that can be had as a file. */
export interface Downloadable {
  /** Of a model, or of a version of a session. */
  readonly url: string;
  /** What its files are called. */
  readonly name: string;
}

/** Saves it in a format. @throws ApiError, also when this pool does not write it */
export async function download({ url, name }: Downloadable, format: ModelFormat): Promise<void> {
  for (const file of format.files) {
    const answer = await ask(url + file.path);
    if (!file.type.test(answer.headers.get('Content-Type') ?? ''))
      throw new ApiError(
        `This pool does not write ${format.label} files.`,
        'unsupported',
        'Choose another format.',
      );
    save(await answer.blob(), format.files.length > 1 ? file.name : file.name.replace(/^\w+/, name));
  }
}

function save(blob: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
