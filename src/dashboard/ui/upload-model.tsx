import type { JSX } from 'preact';
import { useRef, useState } from 'preact/hooks';
import { toApiError, type ApiError } from '../lib/api.js';
import { MODEL_FILES, uploadModel, type UploadedModel } from '../lib/upload.js';
import { Problem } from './feedback.js';

/** Chooses model files and sends them; says what came of it. */
export function UploadModel(props: {
  repoId: string;
  onUploaded: (model: UploadedModel) => void;
}): JSX.Element {
  const { repoId, onUploaded } = props;
  const input = useRef<HTMLInputElement>(null);
  const [isSending, setSending] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const [done, setDone] = useState<UploadedModel | null>(null);
  const send = async (files: readonly File[]): Promise<void> => {
    if (files.length === 0) return;
    setSending(true);
    setDone(null);
    setError(null);
    try {
      const model = await uploadModel(repoId, files);
      setDone(model);
      onUploaded(model);
    } catch (cause) {
      setError(toApiError(cause));
    }
    setSending(false);
    // So that the same file may be chosen again.
    if (input.current !== null) input.current.value = '';
  };
  return (
    <div class="upload">
      <input
        ref={input}
        class="sr-only"
        type="file"
        multiple
        tabIndex={-1}
        accept={MODEL_FILES}
        aria-label="Model files"
        onChange={(event) => void send([...(event.currentTarget.files ?? [])])}
      />
      <button type="button" disabled={isSending} onClick={() => input.current?.click()}>
        {isSending ? 'Uploading…' : 'Upload a model'}
      </button>
      <span class="help" role="status">
        {done === null
          ? 'A .keras or .h5 file, or a model.json with its .bin files.'
          : [`“${done.name}” is uploaded.`, ...(done.keras?.notes ?? [])].join(' ')}
      </span>
      <Problem error={error} />
    </div>
  );
}
